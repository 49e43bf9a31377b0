CREATE MATERIALIZED VIEW cards AS
SELECT p.id, p.title, FROM projects p;

CREATE MATERIALIZED VIEW others AS SELECT id FROM projects WHERE (deleted;
