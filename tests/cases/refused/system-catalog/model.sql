CREATE MATERIALIZED VIEW t AS SELECT c.oid, c.relname FROM pg_catalog.pg_class c;
