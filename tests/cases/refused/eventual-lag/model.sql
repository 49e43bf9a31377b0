-- headwater: eventual max_lag soon
CREATE MATERIALIZED VIEW cards AS SELECT p.id FROM projects p;
