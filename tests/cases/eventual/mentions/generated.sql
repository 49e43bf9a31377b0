-- trigger functions: none

-- found: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".found_VERSION_full AS
SELECT 'project'::text AS kind, p.id, p.title, u.name AS owner, NULL::text AS team
FROM
  public.projects p
  JOIN public.users u ON u.id = p.user_id
UNION ALL
SELECT 'user'::text AS kind, u.id, u.name AS title, NULL::text AS owner, u.team
FROM public.users u;

-- found: the stored part of the SELECT
CREATE VIEW "headwater".found_VERSION_core AS
SELECT 'project'::text AS kind, p.id, p.title, u.name AS owner, NULL::text AS team
FROM
  public.projects p
  JOIN public.users u ON u.id = p.user_id
UNION ALL
SELECT 'user'::text AS kind, u.id, u.name AS title, NULL::text AS owner, u.team
FROM public.users u;

-- found: the model table
CREATE TABLE "headwater".found_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".found_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".found_VERSION_key AS (k1 text, k2 integer);

-- declared as CREATE UNIQUE INDEX ON found (kind, id)
CREATE UNIQUE INDEX found_index_VERSION ON headwater.found_VERSION USING btree (kind, id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".found_VERSION_recompute(keys "headwater".found_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".found_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".found_VERSION_core AS c WHERE c."kind" OPERATOR(pg_catalog.=) k.k1 AND c."id" OPERATOR(pg_catalog.=) k.k2 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".found_VERSION AS m USING (
      SELECT k.* FROM pg_catalog.unnest(keys) AS k EXCEPT SELECT f."kind", f."id" FROM fresh AS f
    ) AS k
    WHERE m."kind" OPERATOR(pg_catalog.=) k.k1 AND m."id" OPERATOR(pg_catalog.=) k.k2
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".found_VERSION AS m SET "kind" = f."kind", "id" = f."id", "title" = f."title", "owner" = f."owner", "team" = f."team"
    FROM fresh AS f
    WHERE m."kind" OPERATOR(pg_catalog.=) f."kind" AND m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."kind", m."id", m."title", m."owner", m."team")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."kind", f."id", f."title", f."owner", f."team")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".found_VERSION ("kind", "id", "title", "owner", "team")
  SELECT f."kind", f."id", f."title", f."owner", f."team"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".found_VERSION AS m WHERE m."kind" OPERATOR(pg_catalog.=) f."kind" AND m."id" OPERATOR(pg_catalog.=) f."id")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".found_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".found_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".found_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".found_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f."kind" OPERATOR(pg_catalog.=) m."kind" AND f."id" OPERATOR(pg_catalog.=) m."id") RETURNING 1
  ), altered AS (
    UPDATE "headwater".found_VERSION AS m SET "kind" = f."kind", "id" = f."id", "title" = f."title", "owner" = f."owner", "team" = f."team"
    FROM fresh AS f
    WHERE m."kind" OPERATOR(pg_catalog.=) f."kind" AND m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."kind", m."id", m."title", m."owner", m."team")::record OPERATOR(pg_catalog.*<>) ROW(f."kind", f."id", f."title", f."owner", f."team")::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".found_VERSION ("kind", "id", "title", "owner", "team")
    SELECT f."kind", f."id", f."title", f."owner", f."team" FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".found_VERSION AS m WHERE m."kind" OPERATOR(pg_catalog.=) f."kind" AND m."id" OPERATOR(pg_catalog.=) f."id")
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of projects
CREATE TABLE IF NOT EXISTS "headwater".queue_public_projects_6d5c7746 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "id" integer, user_id integer, "title" text) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_projects_6d5c7746_xid ON "headwater".queue_public_projects_6d5c7746 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_projects_6d5c7746 FROM PUBLIC;

-- the change queue of users
CREATE TABLE IF NOT EXISTS "headwater".queue_public_users_5003030a (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "id" integer, "name" text, "team" text) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_users_5003030a_xid ON "headwater".queue_public_users_5003030a (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_users_5003030a FROM PUBLIC;

-- found: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".found_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".found_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".found_VERSION_key[];
  hw_more "headwater".found_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"', '"public"."users"']::text[] THEN
    RETURN "headwater".found_VERSION_rebuild();
  END IF;
  IF '"public"."projects"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_projects_6d5c7746 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_projects_6d5c7746 AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT "id", "title", user_id FROM hw_queue
      GROUP BY 1, 2, 3
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".found_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT ('project'::pg_catalog.text)::text AS k1, (r.id)::integer AS k2
          FROM hw_rows AS r
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF '"public"."users"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_users_5003030a AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_users_5003030a AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows_1 AS MATERIALIZED (
      SELECT "id", "name" FROM hw_queue
      GROUP BY 1, 2
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    ), hw_rows_2 AS MATERIALIZED (
      SELECT "id", "name", "team" FROM hw_queue
      GROUP BY 1, 2, 3
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".found_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT ('project'::pg_catalog.text)::text AS k1, (h1.id)::integer AS k2
          FROM hw_rows_1 AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."projects" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS h1
          UNION ALL
          SELECT ('user'::pg_catalog.text)::text AS k1, (r.id)::integer AS k2
          FROM hw_rows_2 AS r
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".found_VERSION'::regclass
  ) THEN
    PERFORM "headwater".found_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".found_VERSION_recompute(hw_keys);
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
    WHEN 'found_VERSION' THEN
      RETURN "headwater".found_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."projects"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_projects_6d5c7746 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_projects_6d5c7746 AS q WHERE q.hw_xid = ANY (hw_also)))
    UNION ALL SELECT '"public"."users"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_users_5003030a AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_users_5003030a AS q WHERE q.hw_xid = ANY (hw_also)))
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
    DELETE FROM "headwater".queue_public_projects_6d5c7746 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_projects_6d5c7746 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  IF '"public"."users"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_users_5003030a AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_users_5003030a AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;
