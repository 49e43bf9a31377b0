CREATE MATERIALIZED VIEW talked_about AS
SELECT p.id, p.title, c.replies, c.last_at
FROM projects p
JOIN (SELECT project_id, count(parent_id) AS replies, max(created_at) AS last_at FROM comments WHERE NOT deleted GROUP BY project_id) c
  ON c.project_id = p.id;
CREATE UNIQUE INDEX ON talked_about (id);
