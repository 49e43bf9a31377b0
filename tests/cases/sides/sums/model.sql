CREATE MATERIALIZED VIEW sums AS
SELECT p.category, sum(p.score) AS score, avg(p.score) AS mean, sum(v.weight) AS weight, avg(v.weight) AS mean_weight, count(v.user_id) AS votes, round(avg(p.score), 2) AS rounded
FROM projects p LEFT JOIN votes v ON v.up
GROUP BY p.category;
CREATE UNIQUE INDEX ON sums (category);
