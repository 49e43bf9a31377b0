-- headwater: eventual
-- headwater: retain append
CREATE MATERIALIZED VIEW log AS SELECT s.place, s.bird FROM sightings s;
