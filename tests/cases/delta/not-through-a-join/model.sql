-- The key is reached through projects, so a vote recomputes its project's owner.
CREATE MATERIALIZED VIEW received AS
SELECT u.id, (SELECT count(*) FROM votes v JOIN projects p ON p.id = v.project_id WHERE p.user_id = u.id) AS votes FROM users u;
CREATE UNIQUE INDEX ON received (id);
