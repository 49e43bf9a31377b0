-- headwater: retain append keep 180 days
CREATE MATERIALIZED VIEW log AS SELECT p.id, p.title FROM projects p;
CREATE UNIQUE INDEX ON log (id);
