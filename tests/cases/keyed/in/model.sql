CREATE MATERIALIZED VIEW voters AS
SELECT u.id, u.name FROM users u WHERE u.id IN (SELECT v.user_id FROM votes v JOIN projects p ON p.id = v.project_id WHERE NOT p.deleted);
CREATE UNIQUE INDEX ON voters (id);
