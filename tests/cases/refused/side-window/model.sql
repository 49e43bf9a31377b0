CREATE MATERIALIZED VIEW lately AS
SELECT p.category, count(DISTINCT v.user_id) AS voters
FROM projects p LEFT JOIN votes v ON v.created_at > now() - interval '1 day'
GROUP BY p.category;
