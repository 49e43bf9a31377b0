CREATE MATERIALIZED VIEW some_comment AS
SELECT p.id, c.body
FROM projects p LEFT JOIN LATERAL (SELECT c.body FROM comments c WHERE c.project_id = p.id ORDER BY c.created_at DESC LIMIT 1) c ON true;
CREATE UNIQUE INDEX ON some_comment (id);
