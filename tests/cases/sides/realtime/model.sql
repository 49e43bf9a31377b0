-- Two sides, one of them of no matter: it is left out.
CREATE MATERIALIZED VIEW two AS
SELECT p.user_id, max(p.created_at) AS last_at, count(DISTINCT v.weight) AS weights
FROM projects p LEFT JOIN users u ON u.verified LEFT JOIN votes v ON v.up AND v.weight > 1
GROUP BY p.user_id;
