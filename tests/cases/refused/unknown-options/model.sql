-- headwater: realtme
-- headwater: require fast
-- headwater:
CREATE MATERIALIZED VIEW cards AS SELECT p.id FROM projects p;
CREATE UNIQUE INDEX ON cards (id);
-- headwater: realtime
