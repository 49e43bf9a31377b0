CREATE MATERIALIZED VIEW w AS SELECT p.category, max(now() - p.created_at) AS age FROM projects p GROUP BY p.category;
