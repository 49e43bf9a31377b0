-- One trigger function serves both: realtime models first, then one append for all eventual ones.
-- headwater: realtime
CREATE MATERIALIZED VIEW counted AS SELECT v.project_id, count(*) AS votes FROM votes v GROUP BY v.project_id;
CREATE UNIQUE INDEX ON counted (project_id);

-- headwater: eventual
CREATE MATERIALIZED VIEW weighed AS SELECT v.project_id, sum(v.weight) AS weight FROM votes v GROUP BY v.project_id;
CREATE UNIQUE INDEX ON weighed (project_id);

-- headwater: eventual
CREATE MATERIALIZED VIEW voters AS SELECT v.user_id, count(*) AS votes FROM votes v WHERE v.up GROUP BY v.user_id;
CREATE UNIQUE INDEX ON voters (user_id);
