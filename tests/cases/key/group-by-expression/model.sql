CREATE MATERIALIZED VIEW by_initial AS
SELECT lower(left(p.title, 1)) AS initial, count(*) AS n FROM projects p GROUP BY lower(left(p.title, 1));
