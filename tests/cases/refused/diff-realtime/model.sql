-- headwater: realtime
CREATE MATERIALIZED VIEW priced AS SELECT p.id, p.score * s.factor AS price FROM projects p CROSS JOIN settings s;
CREATE UNIQUE INDEX ON priced (id);
