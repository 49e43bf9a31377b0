CREATE MATERIALIZED VIEW last_year AS SELECT r.sensor, r.at, r.value FROM readings_2025 r;
