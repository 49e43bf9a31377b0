CREATE MATERIALIZED VIEW cube AS SELECT p.category, p.deleted, count(*) AS n FROM projects p GROUP BY ROLLUP (p.category, p.deleted);
