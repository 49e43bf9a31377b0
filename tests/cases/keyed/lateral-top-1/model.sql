CREATE MATERIALIZED VIEW last_comments AS
SELECT p.id, c.id AS comment_id, c.body, c.name
FROM projects p
LEFT JOIN LATERAL (
    SELECT c.id, c.body, u.name FROM comments c LEFT JOIN users u ON u.id = c.user_id
    WHERE c.project_id = p.id AND NOT c.deleted ORDER BY c.created_at DESC, c.id DESC LIMIT 1
) c ON true;
CREATE UNIQUE INDEX ON last_comments (id);
