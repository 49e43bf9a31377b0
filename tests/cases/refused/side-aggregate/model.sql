CREATE MATERIALIZED VIEW titles AS
SELECT p.category, string_agg(p.title, ', ' ORDER BY p.id) AS titles, count(DISTINCT u.id) AS members
FROM projects p LEFT JOIN users u ON u.team = 'community'
GROUP BY p.category;
