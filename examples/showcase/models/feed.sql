-- The feed (trending, top-rated, newest): document 003's mv_feed_projects.
--
-- Choices:
--   comment_count   top-level comments, as 003 has it; trending counts replies too. Soft-deleted comments count nowhere.
--   trending_score  a downvote takes 1.5 points away; in 003 it added them. The age term is linear in now(), so the order
--                   of two projects never changes by age alone.
--   heat            the trending score without its age term, which takes the same from all projects alike. The order is the
--                   same at every moment; but a page that goes on after a score of a second ago would show a row twice.
--   user_has_upvoted is a placeholder that the page fills for its viewer, as in 003.
--   No ORDER BY at the end: a reader's own order would be sorted out of the model's, row by row. 003's indexes on the trending score are on heat.

-- headwater: eventual
CREATE MATERIALIZED VIEW mv_feed_projects AS
SELECT
    p.id,
    p.title,
    p.description,
    p.proof_of_work_link,
    p.image_url,
    p.created_at,
    p.updated_at,
    p.is_featured,
    p.category,

    -- Creator info (denormalized)
    p.user_id,
    u.username,
    u.profile_image,
    u.is_verified,

    -- Engagement metrics (pre-computed)
    p.proof_score,
    (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND c.parent_id IS NULL AND NOT c.is_deleted) AS comment_count,
    (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) AS upvote_count,
    (SELECT count(*) FROM validation_badges b WHERE b.project_id = p.id) AS badge_count,

    -- User-specific data placeholder (filled at query time)
    FALSE AS user_has_upvoted,

    -- Trending score (for sorting)
    (
        p.proof_score * 0.5 +
        (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND NOT c.is_deleted) * 2 +
        ((SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) -
         (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND NOT v.is_upvote)) * 1.5 +
        EXTRACT(EPOCH FROM (CURRENT_TIMESTAMP - p.created_at)) / 3600 * -0.1
    ) AS trending_score,
    (
        p.proof_score * 0.5 +
        (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND NOT c.is_deleted) * 2 +
        ((SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) -
         (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND NOT v.is_upvote)) * 1.5 +
        EXTRACT(EPOCH FROM p.created_at) / 36000
    ) AS heat
FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE;

CREATE UNIQUE INDEX idx_mv_feed_id ON mv_feed_projects (id);
CREATE INDEX idx_mv_feed_trending ON mv_feed_projects (heat DESC, id DESC);
CREATE INDEX idx_mv_feed_proof_score ON mv_feed_projects (proof_score DESC);
CREATE INDEX idx_mv_feed_created ON mv_feed_projects (created_at DESC);
CREATE INDEX idx_mv_feed_category ON mv_feed_projects (category, heat DESC, id DESC);
CREATE INDEX idx_mv_feed_featured ON mv_feed_projects (is_featured, heat DESC, id DESC) WHERE is_featured = TRUE;

-- The feed as it can be followed and kept: the same projects in the same order, without the score that time moves, so that
-- rows are shown as they are stored.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW live_feed AS
SELECT
    p.id,
    p.title,
    p.description,
    p.proof_of_work_link,
    p.image_url,
    p.created_at,
    p.updated_at,
    p.is_featured,
    p.category,
    p.user_id,
    u.username,
    u.profile_image,
    u.is_verified,
    p.proof_score,
    (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND c.parent_id IS NULL AND NOT c.is_deleted) AS comment_count,
    (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) AS upvote_count,
    (SELECT count(*) FROM validation_badges b WHERE b.project_id = p.id) AS badge_count,
    p.proof_score * 0.5 +
    (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND NOT c.is_deleted) * 2 +
    ((SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) -
     (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND NOT v.is_upvote)) * 1.5 +
    EXTRACT(EPOCH FROM p.created_at) / 36000 AS heat
FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE;

CREATE UNIQUE INDEX live_feed_id ON live_feed (id);
CREATE INDEX live_feed_heat ON live_feed (heat DESC, id DESC);
CREATE INDEX live_feed_proof_score ON live_feed (proof_score DESC, id DESC);
CREATE INDEX live_feed_created ON live_feed (created_at DESC, id DESC);
CREATE INDEX live_feed_category ON live_feed (category, heat DESC, id DESC);
