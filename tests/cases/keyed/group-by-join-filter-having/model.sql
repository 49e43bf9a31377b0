CREATE MATERIALIZED VIEW owner_votes AS
SELECT p.user_id, count(*) AS votes, count(*) FILTER (WHERE v.up) AS ups, string_agg(DISTINCT p.category, ', ' ORDER BY p.category) AS categories
FROM votes v JOIN projects p ON p.id = v.project_id
GROUP BY p.user_id
HAVING count(*) > 1;
CREATE UNIQUE INDEX ON owner_votes (user_id);
