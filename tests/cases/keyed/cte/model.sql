-- One WITH query, read twice: two occurrences of each of its tables.
CREATE MATERIALIZED VIEW team_share AS
WITH tally AS (SELECT p.user_id, count(*) AS n FROM projects p JOIN votes v ON v.project_id = p.id GROUP BY p.user_id)
SELECT u.id, coalesce(own.n, 0) AS own_votes, EXISTS (SELECT FROM tally better WHERE better.user_id = u.id AND better.n > 10) AS popular
FROM users u LEFT JOIN tally own ON own.user_id = u.id;
CREATE UNIQUE INDEX ON team_share (id);
