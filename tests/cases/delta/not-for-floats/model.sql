CREATE MATERIALIZED VIEW sums AS SELECT s.id, (SELECT sum(r.value) FROM readings r WHERE r.sensor = s.id) AS total FROM sensors s;
CREATE UNIQUE INDEX ON sums (id);
