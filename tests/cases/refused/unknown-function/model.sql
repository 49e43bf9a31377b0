CREATE MATERIALIZED VIEW cards AS SELECT p.id, slugify(p.title) AS slug FROM projects p;
