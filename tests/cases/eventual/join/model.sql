-- Keyed: a renamed user leads through the join to the projects.
-- headwater: eventual
CREATE MATERIALIZED VIEW cards AS
SELECT p.id, p.title, u.name AS owner FROM projects p JOIN users u ON u.id = p.user_id WHERE NOT p.deleted;
CREATE UNIQUE INDEX ON cards (id);
