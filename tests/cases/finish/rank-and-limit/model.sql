CREATE MATERIALIZED VIEW leaders AS
SELECT p.id, p.title, p.score, row_number() OVER (ORDER BY p.score DESC, p.id) AS place, rank() OVER (ORDER BY p.score DESC) AS rank
FROM projects p
WHERE p.score > 0
ORDER BY place
LIMIT 100;
CREATE UNIQUE INDEX ON leaders (id);
CREATE INDEX leaders_place ON leaders (place);
