CREATE MATERIALIZED VIEW c AS SELECT u.id, (SELECT count(*) FROM projects p WHERE p.score > length(u.name)) AS n FROM users u;
CREATE UNIQUE INDEX ON c (id);
