CREATE MATERIALIZED VIEW users_with_projects AS
SELECT u.id AS user_id, p.id AS project_id, u.name, p.title FROM projects p RIGHT JOIN users u ON u.id = p.user_id;
