-- headwater: require delta
CREATE MATERIALIZED VIEW category_scores AS
SELECT p.category, count(*) AS projects, count(*) FILTER (WHERE p.deleted) AS deleted, sum(p.score) AS score, avg(p.score) AS mean, max(p.score) AS best
FROM projects p
GROUP BY p.category;
CREATE UNIQUE INDEX ON category_scores (category);
