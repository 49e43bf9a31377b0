-- Document 003's feed as it writes it: its materialized view, its indexes, and the triggers that refresh it at every write, word for
-- word. The other seven views are left out: of all eight only this one is refreshed by a vote.

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
    (SELECT COUNT(*) FROM comments WHERE project_id = p.id AND parent_id IS NULL) as comment_count,
    (SELECT COUNT(*) FROM upvotes WHERE project_id = p.id AND is_upvote = TRUE) as upvote_count,
    (SELECT COUNT(*) FROM validation_badges WHERE project_id = p.id) as badge_count,

    -- User-specific data placeholder (filled at query time)
    FALSE as user_has_upvoted,

    -- Trending score (for sorting)
    (
        p.proof_score * 0.5 +
        (SELECT COUNT(*) FROM comments WHERE project_id = p.id) * 2 +
        (SELECT COUNT(*) FROM upvotes WHERE project_id = p.id) * 1.5 +
        EXTRACT(EPOCH FROM (CURRENT_TIMESTAMP - p.created_at)) / 3600 * -0.1
    ) as trending_score

FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE
ORDER BY trending_score DESC;

-- Indexes on materialized view
CREATE UNIQUE INDEX idx_mv_feed_id ON mv_feed_projects(id);
CREATE INDEX idx_mv_feed_trending ON mv_feed_projects(trending_score DESC);
CREATE INDEX idx_mv_feed_proof_score ON mv_feed_projects(proof_score DESC);
CREATE INDEX idx_mv_feed_created ON mv_feed_projects(created_at DESC);
CREATE INDEX idx_mv_feed_category ON mv_feed_projects(category, trending_score DESC);
CREATE INDEX idx_mv_feed_featured ON mv_feed_projects(is_featured, trending_score DESC) WHERE is_featured = TRUE;

-- Refresh on project changes
CREATE OR REPLACE FUNCTION refresh_feed_on_project_change()
RETURNS TRIGGER AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_feed_projects;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER trg_refresh_feed_project
AFTER INSERT OR UPDATE OR DELETE ON projects
FOR EACH STATEMENT EXECUTE FUNCTION refresh_feed_on_project_change();

-- Refresh on vote
CREATE TRIGGER trg_refresh_feed_vote
AFTER INSERT OR DELETE ON upvotes
FOR EACH STATEMENT EXECUTE FUNCTION refresh_feed_on_project_change();

-- Refresh on badge award
CREATE TRIGGER trg_refresh_feed_badge
AFTER INSERT ON validation_badges
FOR EACH STATEMENT EXECUTE FUNCTION refresh_feed_on_project_change();

-- Refresh on comment (affects trending)
CREATE TRIGGER trg_refresh_feed_comment
AFTER INSERT ON comments
FOR EACH STATEMENT EXECUTE FUNCTION refresh_feed_on_project_change();
