-- headwater: realtime
-- headwater: eventual max_lag 1s
CREATE MATERIALIZED VIEW cards AS SELECT p.id FROM projects p;
CREATE UNIQUE INDEX ON cards (id);
