-- headwater: eventual
CREATE MATERIALIZED VIEW summary AS
SELECT p.id, p.title, count(DISTINCT u.id) AS members, count(DISTINCT v.user_id) AS voters, avg(v.weight) AS weight, max(v.created_at) AS last_at
FROM projects p
LEFT JOIN users u ON u.team = 'community'
LEFT JOIN votes v ON v.project_id = p.id AND v.created_at > now() - interval '30 days'
GROUP BY p.id, p.title;
