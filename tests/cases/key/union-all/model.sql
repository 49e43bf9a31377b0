-- The constants tell the branches apart, so that a change knows its branch.
CREATE MATERIALIZED VIEW search AS
SELECT 'project' AS kind, p.id, p.title AS label, u.name AS owner FROM projects p JOIN users u ON u.id = p.user_id
UNION ALL
SELECT 'user', u.id, u.name, NULL FROM users u WHERE u.verified;
CREATE UNIQUE INDEX ON search (kind, id);
