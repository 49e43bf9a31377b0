CREATE MATERIALIZED VIEW h AS SELECT p.id, p.title AS hw_title FROM projects p;
