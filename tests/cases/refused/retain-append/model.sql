-- headwater: retain append
CREATE MATERIALIZED VIEW log AS SELECT p.id, p.title FROM projects p;
CREATE UNIQUE INDEX ON log (id);
