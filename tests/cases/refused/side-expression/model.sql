CREATE MATERIALIZED VIEW names AS
SELECT p.category, count(coalesce(u.team, '')) AS teams
FROM projects p LEFT JOIN users u ON u.verified
GROUP BY p.category;
