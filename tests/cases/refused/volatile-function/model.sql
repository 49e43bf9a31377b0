CREATE MATERIALIZED VIEW v AS SELECT p.id, random() AS r, clock_timestamp() AS at FROM projects p;
