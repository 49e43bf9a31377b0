-- How many are better: every vote may change every row.
-- headwater: eventual max_lag 10 s
CREATE MATERIALIZED VIEW better AS
SELECT p.id, (SELECT count(*) FROM projects o WHERE o.score > p.score) AS better FROM projects p;
CREATE UNIQUE INDEX ON better (id);
