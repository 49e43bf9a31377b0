CREATE MATERIALIZED VIEW a AS SELECT p.nr FROM projects AS p (nr, owner);
