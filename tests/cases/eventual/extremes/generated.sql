-- trigger functions: none

-- scores: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".scores_VERSION_full AS
SELECT p.user_id, count(*) AS projects, min(p.score) AS low, max(p.score) AS high
FROM public.projects p
GROUP BY p.user_id;

-- scores: the stored part of the SELECT
CREATE VIEW "headwater".scores_VERSION_core AS
SELECT p.user_id AS user_id, count(*) AS projects, min(p.score) AS low, max(p.score) AS high
FROM public.projects p
GROUP BY p.user_id;

-- scores: the model table
CREATE TABLE "headwater".scores_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".scores_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".scores_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON scores (user_id)
CREATE UNIQUE INDEX scores_index_VERSION ON headwater.scores_VERSION USING btree (user_id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".scores_VERSION_recompute(keys "headwater".scores_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".scores_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".scores_VERSION_core AS c WHERE c.user_id OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".scores_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m.user_id OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.user_id OPERATOR(pg_catalog.=) m.user_id)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".scores_VERSION AS m SET user_id = f.user_id, "projects" = f."projects", "low" = f."low", "high" = f."high"
    FROM fresh AS f
    WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m.user_id, m."projects", m."low", m."high")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f.user_id, f."projects", f."low", f."high")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".scores_VERSION (user_id, "projects", "low", "high")
  SELECT f.user_id, f."projects", f."low", f."high"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".scores_VERSION AS m WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id)
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".scores_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".scores_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".scores_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".scores_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f.user_id OPERATOR(pg_catalog.=) m.user_id) RETURNING 1
  ), altered AS (
    UPDATE "headwater".scores_VERSION AS m SET user_id = f.user_id, "projects" = f."projects", "low" = f."low", "high" = f."high"
    FROM fresh AS f
    WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m.user_id, m."projects", m."low", m."high")::record OPERATOR(pg_catalog.*<>) ROW(f.user_id, f."projects", f."low", f."high")::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".scores_VERSION (user_id, "projects", "low", "high")
    SELECT f.user_id, f."projects", f."low", f."high" FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".scores_VERSION AS m WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id)
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of projects
CREATE TABLE IF NOT EXISTS "headwater".queue_public_projects_e7a53d09 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), user_id integer, "score" integer) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_projects_e7a53d09_xid ON "headwater".queue_public_projects_e7a53d09 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_projects_e7a53d09 FROM PUBLIC;

-- scores: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".scores_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".scores_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".scores_VERSION_key[];
  hw_more "headwater".scores_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"']::text[] THEN
    RETURN "headwater".scores_VERSION_rebuild();
  END IF;
  IF '"public"."projects"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_projects_e7a53d09 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_projects_e7a53d09 AS q WHERE q.hw_xid = ANY (hw_also)
    ), g AS MATERIALIZED (
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.min(r.i1) AS i1, pg_catalog.min(r.o1) AS o1, pg_catalog.max(r.i2) AS i2, pg_catalog.max(r.o2) AS o2
        FROM (
          SELECT t.user_id AS k1, t.hw_sign AS hw_sign, t.hw_sign AS s0, CASE WHEN (t.score IS NOT NULL) AND t.hw_sign OPERATOR(pg_catalog.>) 0 THEN t.score END AS i1, CASE WHEN (t.score IS NOT NULL) AND t.hw_sign OPERATOR(pg_catalog.<) 0 THEN t.score END AS o1, CASE WHEN (t.score IS NOT NULL) AND t.hw_sign OPERATOR(pg_catalog.>) 0 THEN t.score END AS i2, CASE WHEN (t.score IS NOT NULL) AND t.hw_sign OPERATOR(pg_catalog.<) 0 THEN t.score END AS o2
          FROM (
            SELECT "score", user_id, pg_catalog.sum(hw_sign) AS hw_sign FROM hw_queue
            GROUP BY 1, 2
            HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
          ) AS t
          WHERE t.user_id IS NOT NULL
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.i1 IS NOT NULL OR g.o1 IS NOT NULL OR g.i2 IS NOT NULL OR g.o2 IS NOT NULL
    ), u AS (
      UPDATE "headwater".scores_VERSION AS m SET
        "projects" = m."projects" OPERATOR(pg_catalog.+) g.d0,
        "low" = LEAST(m."low", g.i1),
        "high" = GREATEST(m."high", g.i2)
      FROM g
      WHERE m.user_id OPERATOR(pg_catalog.=) g.k1
        AND (g.o1 IS NULL OR m."low" OPERATOR(pg_catalog.<) g.o1 OR g.i1 OPERATOR(pg_catalog.<=) g.o1)
        AND (g.o2 IS NULL OR m."high" OPERATOR(pg_catalog.>) g.o2 OR g.i2 OPERATOR(pg_catalog.>=) g.o2)
        AND m."projects" OPERATOR(pg_catalog.+) g.d0 OPERATOR(pg_catalog.>) 0
      RETURNING m.user_id::integer AS k1
    )
    SELECT array_agg(ROW(q.k1)::"headwater".scores_VERSION_key) INTO hw_more
    FROM (SELECT g.k1::integer AS k1 FROM g EXCEPT SELECT u.k1::integer AS k1 FROM u) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".scores_VERSION'::regclass
  ) THEN
    PERFORM "headwater".scores_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".scores_VERSION_recompute(hw_keys);
  END IF;
  RETURN coalesce(cardinality(hw_keys), 0);
END
$hw$;

-- calls a model's part of a batch
CREATE OR REPLACE FUNCTION headwater.call_step(hw_table text, hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
AS $hw$
-- Headwater: a model's part of a batch.
BEGIN
  CASE hw_table
    WHEN 'scores_VERSION' THEN
      RETURN "headwater".scores_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
  END CASE;
END
$hw$;

-- what there is to do for a batch
CREATE OR REPLACE FUNCTION headwater.pending(hw_since xid8, hw_until xid8, hw_also xid8[], OUT changed text[], OUT truncated text[], OUT due text[], OUT next_due timestamptz, OUT noted boolean) LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
-- Headwater: which source tables have changed, which were truncated, which model tables have rows that are due.
BEGIN
  changed := ARRAY(
    SELECT '"public"."projects"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_projects_e7a53d09 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_projects_e7a53d09 AS q WHERE q.hw_xid = ANY (hw_also)))
  );
  truncated := ARRAY(SELECT DISTINCT t.source FROM (SELECT q.source FROM headwater.truncated AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
  UNION ALL
  SELECT q.source FROM headwater.truncated AS q WHERE q.hw_xid = ANY (hw_also)) AS t);
  due := ARRAY[]::text[];
  next_due := NULL::timestamptz;
  noted := (EXISTS (SELECT FROM headwater.changed AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM headwater.changed AS q WHERE q.hw_xid = ANY (hw_also)));
END
$hw$;

-- deletes what a batch has taken
CREATE OR REPLACE FUNCTION headwater.forget(hw_changed text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
-- Headwater: deletes what a batch has taken; gives how many rows.
DECLARE
  n bigint;
  taken bigint := 0;
BEGIN
  IF '"public"."projects"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_projects_e7a53d09 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_projects_e7a53d09 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;
