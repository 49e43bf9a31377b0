-- No key at all: rows that share all columns are replaced together, however many they are.
CREATE MATERIALIZED VIEW birds AS SELECT place, bird FROM sightings WHERE bird IS NOT NULL;
