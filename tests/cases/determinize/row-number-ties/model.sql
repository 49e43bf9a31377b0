CREATE MATERIALIZED VIEW places AS SELECT p.id, row_number() OVER (ORDER BY p.score DESC) AS place FROM projects p;
CREATE UNIQUE INDEX ON places (id);
