-- Sums of floats are recomputed, never added to: addition of floats is not associative.
CREATE MATERIALIZED VIEW sensors AS
SELECT sensor, sum(value) AS total, count(*) AS n FROM readings GROUP BY sensor;
CREATE UNIQUE INDEX ON sensors (sensor);
