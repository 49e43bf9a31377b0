-- No key: rows that are alike are replaced together.
-- headwater: eventual
CREATE MATERIALIZED VIEW birds AS SELECT s.place, s.bird FROM sightings s WHERE s.bird IS NOT NULL;
