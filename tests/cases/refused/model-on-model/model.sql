CREATE MATERIALIZED VIEW live AS SELECT p.id, p.title FROM projects p WHERE NOT p.deleted;
CREATE MATERIALIZED VIEW titles AS SELECT l.title FROM live l;
