-- headwater: eventual
CREATE MATERIALIZED VIEW reach AS
SELECT p.category, count(*) AS pairs, max(u.name) AS last_name
FROM projects p CROSS JOIN users u
WHERE u.verified AND NOT p.deleted
GROUP BY p.category
ORDER BY count(*) DESC;
