-- trigger functions: none

-- priced: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".priced_VERSION_full AS
SELECT p.id, p.score * s.factor AS price
FROM
  public.projects p
  CROSS JOIN public.settings s;

-- priced: the stored part of the SELECT
CREATE VIEW "headwater".priced_VERSION_core AS
SELECT p.id AS id, p.score * s.factor AS price
FROM
  public.projects p
  CROSS JOIN public.settings s;

-- priced: the model table
CREATE TABLE "headwater".priced_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".priced_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".priced_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON priced (id)
CREATE UNIQUE INDEX priced_index_VERSION ON headwater.priced_VERSION USING btree (id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".priced_VERSION_recompute(keys "headwater".priced_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".priced_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".priced_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".priced_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".priced_VERSION AS m SET "id" = f."id", "price" = f."price"
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."price")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."price")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".priced_VERSION ("id", "price")
  SELECT f."id", f."price"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".priced_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0
    AND (SELECT headwater.one_row_a_key(pg_catalog.count(*), pg_catalog.count(DISTINCT ROW(f."id")), 'priced_VERSION') FROM fresh AS f);
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".priced_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".priced_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".priced_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".priced_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id") RETURNING 1
  ), altered AS (
    UPDATE "headwater".priced_VERSION AS m SET "id" = f."id", "price" = f."price"
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."price")::record OPERATOR(pg_catalog.*<>) ROW(f."id", f."price")::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".priced_VERSION ("id", "price")
    SELECT f."id", f."price" FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".priced_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
      AND (SELECT headwater.one_row_a_key(pg_catalog.count(*), pg_catalog.count(DISTINCT ROW(f."id")), 'priced_VERSION') FROM fresh AS f)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of projects
CREATE TABLE IF NOT EXISTS "headwater".queue_public_projects_88101640 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "id" integer, "score" integer) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_projects_88101640_xid ON "headwater".queue_public_projects_88101640 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_projects_88101640 FROM PUBLIC;

-- the change queue of settings
CREATE TABLE IF NOT EXISTS "headwater".queue_public_settings_c68b2ecd (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "factor" integer) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_settings_c68b2ecd_xid ON "headwater".queue_public_settings_c68b2ecd (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_settings_c68b2ecd FROM PUBLIC;

-- priced: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".priced_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".priced_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".priced_VERSION_key[];
  hw_more "headwater".priced_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"', '"public"."settings"']::text[] THEN
    RETURN "headwater".priced_VERSION_rebuild();
  END IF;
  IF '"public"."projects"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_projects_88101640 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_projects_88101640 AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT "id", "score" FROM hw_queue
      GROUP BY 1, 2
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1)::"headwater".priced_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (r.id)::integer AS k1
          FROM hw_rows AS r
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".priced_VERSION'::regclass
  ) THEN
    PERFORM "headwater".priced_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".priced_VERSION_recompute(hw_keys);
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
    WHEN 'priced_VERSION' THEN
      RETURN "headwater".priced_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."projects"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_projects_88101640 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_projects_88101640 AS q WHERE q.hw_xid = ANY (hw_also)))
    UNION ALL SELECT '"public"."settings"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_settings_c68b2ecd AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_settings_c68b2ecd AS q WHERE q.hw_xid = ANY (hw_also)))
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
    DELETE FROM "headwater".queue_public_projects_88101640 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_projects_88101640 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  IF '"public"."settings"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_settings_c68b2ecd AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_settings_c68b2ecd AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;
