-- users is mentioned twice: the name is shown in each of a user's projects, the team in the user's own row alone. So another team
-- affects one key, and another name all of them.
-- headwater: eventual
CREATE MATERIALIZED VIEW found AS
SELECT 'project' AS kind, p.id, p.title, u.name AS owner, NULL AS team FROM projects p JOIN users u ON u.id = p.user_id
UNION ALL
SELECT 'user', u.id, u.name, NULL, u.team FROM users u;
CREATE UNIQUE INDEX ON found (kind, id);
