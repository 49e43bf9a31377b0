-- A key that may be NULL needs an index with NULLS NOT DISTINCT.
CREATE MATERIALIZED VIEW by_category AS
SELECT p.category, count(*) AS n FROM projects p GROUP BY p.category;
