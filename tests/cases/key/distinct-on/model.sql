CREATE MATERIALIZED VIEW newest_comment AS
SELECT DISTINCT ON (c.project_id) c.project_id, c.id, c.body FROM comments c WHERE NOT c.deleted ORDER BY c.project_id, c.created_at DESC, c.id DESC;
CREATE UNIQUE INDEX ON newest_comment (project_id);
