-- Without a unique index: the key is the project's and the comment's.
CREATE MATERIALIZED VIEW latest_three AS
SELECT p.id, c.id AS comment_id, c.body
FROM projects p
CROSS JOIN LATERAL (SELECT c.id, c.body FROM comments c WHERE c.project_id = p.id ORDER BY c.created_at DESC, c.id DESC LIMIT 3) c;
