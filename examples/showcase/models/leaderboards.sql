-- Document 003's two leaderboards, the first 1,000 of each.
--
-- Choices: 003 ranked builders with equal karma in arbitrary order, so that an edited bio moved a builder's rank; and its
-- LIMIT cut by another order than its rank. Both boards now have one total order: rank, with ties settled by age and
-- then id. vote_count counts all votes, as in 003; comment_count leaves soft-deleted comments out.
--
-- The rank is numbered when a board is read. ORDER BY says the rank's own order rather than "rank": so it has an index, and a board is read from its first row to
-- its thousandth instead of all rows being sorted twice.

-- headwater: eventual
CREATE MATERIALIZED VIEW mv_leaderboard_projects AS
SELECT
    p.id,
    p.title,
    p.image_url,
    p.proof_score,
    p.user_id,
    u.username,
    u.profile_image,

    -- Metrics
    (SELECT count(*) FROM validation_badges b WHERE b.project_id = p.id) AS badge_count,
    (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND NOT c.is_deleted) AS comment_count,
    (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id) AS vote_count,

    row_number() OVER (ORDER BY p.proof_score DESC, p.created_at, p.id) AS rank
FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE AND p.proof_score > 0
ORDER BY p.proof_score DESC, p.created_at, p.id
LIMIT 1000;

CREATE UNIQUE INDEX idx_mv_leaderboard_projects_id ON mv_leaderboard_projects (id);
CREATE INDEX idx_mv_leaderboard_projects_rank ON mv_leaderboard_projects (rank);
CREATE INDEX idx_mv_leaderboard_projects_score ON mv_leaderboard_projects (proof_score DESC);

-- headwater: eventual
CREATE MATERIALIZED VIEW mv_leaderboard_builders AS
SELECT
    u.id,
    u.username,
    u.profile_image,
    u.bio,
    u.is_verified,

    -- Karma (main metric)
    coalesce((SELECT sum(p.proof_score) FROM projects p WHERE p.user_id = u.id AND p.is_deleted = FALSE), 0) AS total_karma,

    -- Supporting metrics
    (SELECT count(*) FROM projects p WHERE p.user_id = u.id AND p.is_deleted = FALSE) AS project_count,
    (SELECT count(*) FROM validation_badges b WHERE b.validator_id = u.id) AS badges_given,
    (SELECT count(*) FROM comments c WHERE c.user_id = u.id AND NOT c.is_deleted) AS comment_count,

    row_number() OVER (
        ORDER BY
            coalesce((SELECT sum(p.proof_score) FROM projects p WHERE p.user_id = u.id AND p.is_deleted = FALSE), 0) DESC,
            u.created_at,
            u.id
    ) AS rank
FROM users u
WHERE u.is_active = TRUE
ORDER BY total_karma DESC, u.created_at, u.id
LIMIT 1000;

CREATE UNIQUE INDEX idx_mv_leaderboard_builders_id ON mv_leaderboard_builders (id);
CREATE INDEX idx_mv_leaderboard_builders_rank ON mv_leaderboard_builders (rank);
CREATE INDEX idx_mv_leaderboard_builders_karma ON mv_leaderboard_builders (total_karma DESC);
