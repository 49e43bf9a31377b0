-- From a user over projects to comments.
CREATE MATERIALIZED VIEW comment_lines AS
SELECT c.id, c.body, p.title, u.name AS project_owner
FROM comments c JOIN projects p ON p.id = c.project_id JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON comment_lines (id);
