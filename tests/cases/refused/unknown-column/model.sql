CREATE MATERIALIZED VIEW cards AS
SELECT p.id, p.titel
FROM projects p;
CREATE UNIQUE INDEX ON cards (id);
