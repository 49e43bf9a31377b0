-- headwater: eventual
-- headwater: retain append keep 180 days by title
CREATE MATERIALIZED VIEW log AS SELECT p.id, p.title, p.created_at FROM projects p;
CREATE UNIQUE INDEX ON log (id);
