-- A project's page: document 003's mv_project_details; and "My Projects", which 003 calls real-time and gives no table.

-- Choices: comment_count is top level without soft-deleted comments, as in the feed; vote_count counts all votes. The
-- arrays have an order (003: none) and are NULL when empty (as in 003). chains_json names public, active chains only.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW mv_project_details AS
SELECT
    p.id,
    p.title,
    p.description,
    p.proof_of_work_link,
    p.image_url,
    p.category,
    p.created_at,
    p.updated_at,
    p.proof_score,

    -- Creator info
    p.user_id,
    u.username,
    u.profile_image,
    u.bio AS creator_bio,
    u.is_verified,

    -- Engagement metrics (pre-computed)
    (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND c.parent_id IS NULL AND NOT c.is_deleted) AS comment_count,
    (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id) AS vote_count,
    (SELECT count(*) FROM validation_badges b WHERE b.project_id = p.id) AS badge_count,

    -- Badges (JSON array for fast access)
    (
        SELECT json_agg(
            json_build_object(
                'id', vb.id,
                'badge_type', vb.badge_type,
                'validator_id', vb.validator_id,
                'validator_username', v.username,
                'created_at', vb.created_at
            ) ORDER BY vb.created_at, vb.id
        )
        FROM validation_badges vb
        JOIN users v ON vb.validator_id = v.id
        WHERE vb.project_id = p.id
    ) AS badges_json,

    -- Chains this project is in (JSON array)
    (
        SELECT json_agg(
            json_build_object(
                'id', c.id,
                'name', c.name,
                'image_url', c.image_url
            ) ORDER BY c.name, c.id
        )
        FROM chain_projects cp
        JOIN chains c ON cp.chain_id = c.id
        WHERE cp.project_id = p.id AND c.is_public AND c.is_active
    ) AS chains_json
FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE;

CREATE UNIQUE INDEX idx_mv_project_details_id ON mv_project_details (id);
CREATE INDEX idx_mv_project_details_user ON mv_project_details (user_id);

-- A builder's own list. Soft-deleted projects stay on it, flagged, so that they can be brought back.

-- headwater: realtime
-- headwater: retain live
CREATE MATERIALIZED VIEW my_projects AS
SELECT
    p.id,
    p.user_id,
    p.title,
    p.image_url,
    p.category,
    p.proof_score,
    p.is_featured,
    p.is_deleted,
    p.created_at,
    p.updated_at,
    (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND NOT c.is_deleted) AS comment_count,
    (SELECT max(c.created_at) FROM comments c WHERE c.project_id = p.id AND NOT c.is_deleted) AS last_comment_at,
    (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) AS upvote_count,
    (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND NOT v.is_upvote) AS downvote_count,
    (SELECT count(*) FROM validation_badges b WHERE b.project_id = p.id) AS badge_count,
    (SELECT count(*) FROM chain_projects cp WHERE cp.project_id = p.id) AS chain_count,
    (SELECT count(*) FROM intro_requests i WHERE i.project_id = p.id AND i.status = 'pending') AS pending_intro_requests
FROM projects p;

CREATE UNIQUE INDEX my_projects_id ON my_projects (id);
CREATE INDEX my_projects_user ON my_projects (user_id, created_at DESC);
