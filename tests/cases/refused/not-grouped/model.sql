CREATE MATERIALIZED VIEW cards AS SELECT p.category, p.title, count(*) AS n FROM projects p GROUP BY p.category;
