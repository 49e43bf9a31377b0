CREATE MATERIALIZED VIEW t AS SELECT p.id, pg_get_viewdef('live'::regclass) AS text FROM projects p;
