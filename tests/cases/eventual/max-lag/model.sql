-- headwater: eventual max_lag 250ms
CREATE MATERIALIZED VIEW titles AS SELECT p.id, p.title FROM projects p;
CREATE UNIQUE INDEX ON titles (id);
