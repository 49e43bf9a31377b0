CREATE MATERIALIZED VIEW v AS SELECT p.id, slug(p.title) AS slug FROM projects p;
