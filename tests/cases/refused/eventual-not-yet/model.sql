-- headwater: eventual max_lag 1s
CREATE MATERIALIZED VIEW cards AS SELECT p.id FROM projects p;
