CREATE MATERIALIZED VIEW category_leaders AS
SELECT p.id, p.category, row_number() OVER (PARTITION BY p.category ORDER BY p.score DESC, p.id) AS place, sum(p.score) OVER (PARTITION BY p.category) AS total
FROM projects p;
CREATE UNIQUE INDEX ON category_leaders (id);
