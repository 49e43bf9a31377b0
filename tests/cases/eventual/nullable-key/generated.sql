-- trigger functions: none

-- categories: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".categories_VERSION_full AS
SELECT p.category, count(*) AS projects, sum(p.score) AS score
FROM public.projects p
GROUP BY p.category;

-- categories: the stored part of the SELECT
CREATE VIEW "headwater".categories_VERSION_core AS
SELECT
  p.category AS category, count(*) AS projects, sum(p.score) AS score, COALESCE(sum(p.score), 0) AS hw_s1,
  count(p.score) AS hw_s2
FROM public.projects p
GROUP BY p.category;

-- categories: the model table
CREATE TABLE "headwater".categories_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".categories_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".categories_VERSION_key AS (k1 text);

-- finds a row by its key
CREATE UNIQUE INDEX categories_key_VERSION ON "headwater".categories_VERSION ("category") NULLS NOT DISTINCT;

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".categories_VERSION_recompute(keys "headwater".categories_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".categories_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".categories_VERSION_core AS c WHERE (c."category" OPERATOR(pg_catalog.=) k.k1 OR c."category" IS NULL AND k.k1 IS NULL) OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".categories_VERSION AS m USING (
      SELECT k.* FROM pg_catalog.unnest(keys) AS k EXCEPT SELECT f."category" FROM fresh AS f
    ) AS k
    WHERE (m."category" OPERATOR(pg_catalog.=) k.k1 OR m."category" IS NULL AND k.k1 IS NULL)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".categories_VERSION AS m SET "category" = f."category", "projects" = f."projects", "score" = f."score", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2
    FROM fresh AS f
    WHERE (m."category" OPERATOR(pg_catalog.=) f."category" OR m."category" IS NULL AND f."category" IS NULL)
      AND ROW(m."category", m."projects", m."score", m.hw_s1, m.hw_s2)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."category", f."projects", f."score", f.hw_s1, f.hw_s2)::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".categories_VERSION ("category", "projects", "score", hw_s1, hw_s2)
  SELECT f."category", f."projects", f."score", f.hw_s1, f.hw_s2
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".categories_VERSION AS m WHERE (m."category" OPERATOR(pg_catalog.=) f."category" OR m."category" IS NULL AND f."category" IS NULL))
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".categories_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".categories_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".categories_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".categories_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE ROW(f."category")::text = ROW(m."category")::text) RETURNING 1
  ), altered AS (
    UPDATE "headwater".categories_VERSION AS m SET "category" = f."category", "projects" = f."projects", "score" = f."score", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2
    FROM fresh AS f
    WHERE ROW(m."category")::text = ROW(f."category")::text
      AND ROW(m."category", m."projects", m."score", m.hw_s1, m.hw_s2)::record OPERATOR(pg_catalog.*<>) ROW(f."category", f."projects", f."score", f.hw_s1, f.hw_s2)::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".categories_VERSION ("category", "projects", "score", hw_s1, hw_s2)
    SELECT f."category", f."projects", f."score", f.hw_s1, f.hw_s2 FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".categories_VERSION AS m WHERE ROW(m."category")::text = ROW(f."category")::text)
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of projects
CREATE TABLE IF NOT EXISTS "headwater".queue_public_projects_81b079e8 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "category" text, "score" integer) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_projects_81b079e8_xid ON "headwater".queue_public_projects_81b079e8 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_projects_81b079e8 FROM PUBLIC;

-- categories: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".categories_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".categories_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".categories_VERSION_key[];
  hw_more "headwater".categories_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"']::text[] THEN
    RETURN "headwater".categories_VERSION_rebuild();
  END IF;
  IF '"public"."projects"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_projects_81b079e8 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_projects_81b079e8 AS q WHERE q.hw_xid = ANY (hw_also)
    ), g AS MATERIALIZED (
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1, pg_catalog.sum(r.s2)::pg_catalog.int8 AS d2
        FROM (
          SELECT t.category AS k1, t.hw_sign AS s0, CASE WHEN t.score IS NOT NULL THEN (t.score)::pg_catalog.int8 OPERATOR(pg_catalog.*) t.hw_sign ELSE 0 END AS s1, CASE WHEN t.score IS NOT NULL THEN t.hw_sign ELSE 0 END AS s2
          FROM hw_queue AS t
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0 OR g.d2 OPERATOR(pg_catalog.<>) 0
    ), u AS (
      UPDATE "headwater".categories_VERSION AS m SET
        "projects" = m."projects" OPERATOR(pg_catalog.+) g.d0,
        hw_s1 = m.hw_s1 OPERATOR(pg_catalog.+) g.d1,
        hw_s2 = m.hw_s2 OPERATOR(pg_catalog.+) g.d2,
        "score" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) g.d2 OPERATOR(pg_catalog.>) 0 THEN m.hw_s1 OPERATOR(pg_catalog.+) g.d1 END
      FROM g
      WHERE (m."category" OPERATOR(pg_catalog.=) g.k1 OR m."category" IS NULL AND g.k1 IS NULL)
        AND m."projects" OPERATOR(pg_catalog.+) g.d0 OPERATOR(pg_catalog.>) 0
      RETURNING m."category"::text AS k1
    )
    SELECT array_agg(ROW(q.k1)::"headwater".categories_VERSION_key) INTO hw_more
    FROM (SELECT g.k1::text AS k1 FROM g EXCEPT SELECT u.k1::text AS k1 FROM u) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".categories_VERSION'::regclass
  ) THEN
    PERFORM "headwater".categories_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".categories_VERSION_recompute(hw_keys);
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
    WHEN 'categories_VERSION' THEN
      RETURN "headwater".categories_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."projects"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_projects_81b079e8 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_projects_81b079e8 AS q WHERE q.hw_xid = ANY (hw_also)))
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
    DELETE FROM "headwater".queue_public_projects_81b079e8 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_projects_81b079e8 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;
