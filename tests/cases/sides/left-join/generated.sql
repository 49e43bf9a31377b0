-- trigger functions: none

-- summary: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".summary_VERSION_full AS
SELECT
  p.id, p.title, count(DISTINCT u.id) AS members, count(DISTINCT v.user_id) AS voters,
  avg(v.weight) AS weight, max(v.created_at) AS last_at
FROM
  public.projects p
  LEFT JOIN public.users u ON u.team = 'community'::text
  LEFT JOIN public.votes v ON v.project_id = p.id
  AND v.created_at > now() - '30 days'::interval
GROUP BY p.id, p.title;

-- summary: the stored part of the SELECT
CREATE VIEW "headwater".summary_VERSION_core AS
SELECT
  p.id AS id, p.title AS title, count(DISTINCT v.user_id) AS voters, max(v.created_at) AS last_at,
  sum(v.weight) AS hw_s1, count(v.weight) AS hw_s2,
  min((v.created_at + '30 days'::interval)::timestamptz)::timestamptz AS hw_due
FROM
  public.projects p
  LEFT JOIN public.votes v ON v.project_id = p.id
  AND v.created_at > now() - '30 days'::interval
GROUP BY p.id, p.title;

-- summary: the model table
CREATE TABLE "headwater".summary_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".summary_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".summary_VERSION_key AS (k1 integer, k2 text);

-- finds a row by its key
CREATE UNIQUE INDEX summary_key_VERSION ON "headwater".summary_VERSION ("id", "title");

-- finds the rows that are due
CREATE INDEX summary_due_VERSION ON "headwater".summary_VERSION (hw_due) WHERE hw_due IS NOT NULL;

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".summary_VERSION_recompute(keys "headwater".summary_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".summary_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".summary_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 AND c."title" OPERATOR(pg_catalog.=) k.k2 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".summary_VERSION AS m USING (
      SELECT k.* FROM pg_catalog.unnest(keys) AS k EXCEPT SELECT f."id", f."title" FROM fresh AS f
    ) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1 AND m."title" OPERATOR(pg_catalog.=) k.k2
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".summary_VERSION AS m SET "id" = f."id", "title" = f."title", "voters" = f."voters", last_at = f.last_at, hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_due = f.hw_due
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id" AND m."title" OPERATOR(pg_catalog.=) f."title"
      AND ROW(m."id", m."title", m."voters", m.last_at, m.hw_s1, m.hw_s2, m.hw_due)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f."voters", f.last_at, f.hw_s1, f.hw_s2, f.hw_due)::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".summary_VERSION ("id", "title", "voters", last_at, hw_s1, hw_s2, hw_due)
  SELECT f."id", f."title", f."voters", f.last_at, f.hw_s1, f.hw_s2, f.hw_due
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".summary_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id" AND m."title" OPERATOR(pg_catalog.=) f."title")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".summary_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".summary_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".summary_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".summary_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id" AND f."title" OPERATOR(pg_catalog.=) m."title") RETURNING 1
  ), altered AS (
    UPDATE "headwater".summary_VERSION AS m SET "id" = f."id", "title" = f."title", "voters" = f."voters", last_at = f.last_at, hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_due = f.hw_due
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id" AND m."title" OPERATOR(pg_catalog.=) f."title"
      AND ROW(m."id", m."title", m."voters", m.last_at, m.hw_s1, m.hw_s2, m.hw_due)::record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f."voters", f.last_at, f.hw_s1, f.hw_s2, f.hw_due)::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".summary_VERSION ("id", "title", "voters", last_at, hw_s1, hw_s2, hw_due)
    SELECT f."id", f."title", f."voters", f.last_at, f.hw_s1, f.hw_s2, f.hw_due FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".summary_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id" AND m."title" OPERATOR(pg_catalog.=) f."title")
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- summary_side: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".summary_side_VERSION_full AS
SELECT count(u.id) AS v1, count(*) AS v2
FROM public.users u
WHERE u.team = 'community'::text;

-- summary_side: the stored part of the SELECT
CREATE VIEW "headwater".summary_side_VERSION_core AS
SELECT count(u.id) AS v1, count(*) AS v2, 0 AS hw_k1
FROM public.users u
WHERE u.team = 'community'::text;

-- summary_side: the model table
CREATE TABLE "headwater".summary_side_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".summary_side_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".summary_side_VERSION_key AS (k1 integer);

-- finds a row by its key
CREATE UNIQUE INDEX summary_side_key_VERSION ON "headwater".summary_side_VERSION (hw_k1);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".summary_side_VERSION_recompute(keys "headwater".summary_side_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'on'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".summary_side_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".summary_side_VERSION_core AS c WHERE c.hw_k1 OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".summary_side_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m.hw_k1 OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.hw_k1 OPERATOR(pg_catalog.=) m.hw_k1)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".summary_side_VERSION AS m SET "v1" = f."v1", "v2" = f."v2", hw_k1 = f.hw_k1
    FROM fresh AS f
    WHERE m.hw_k1 OPERATOR(pg_catalog.=) f.hw_k1
      AND ROW(m."v1", m."v2", m.hw_k1)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."v1", f."v2", f.hw_k1)::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".summary_side_VERSION ("v1", "v2", hw_k1)
  SELECT f."v1", f."v2", f.hw_k1
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".summary_side_VERSION AS m WHERE m.hw_k1 OPERATOR(pg_catalog.=) f.hw_k1)
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".summary_side_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".summary_side_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".summary_side_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".summary_side_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f.hw_k1 OPERATOR(pg_catalog.=) m.hw_k1) RETURNING 1
  ), altered AS (
    UPDATE "headwater".summary_side_VERSION AS m SET "v1" = f."v1", "v2" = f."v2", hw_k1 = f.hw_k1
    FROM fresh AS f
    WHERE m.hw_k1 OPERATOR(pg_catalog.=) f.hw_k1
      AND ROW(m."v1", m."v2", m.hw_k1)::record OPERATOR(pg_catalog.*<>) ROW(f."v1", f."v2", f.hw_k1)::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".summary_side_VERSION ("v1", "v2", hw_k1)
    SELECT f."v1", f."v2", f.hw_k1 FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".summary_side_VERSION AS m WHERE m.hw_k1 OPERATOR(pg_catalog.=) f.hw_k1)
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of projects
CREATE TABLE IF NOT EXISTS "headwater".queue_public_projects_4b8aaa22 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "id" integer, "title" text) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_projects_4b8aaa22_xid ON "headwater".queue_public_projects_4b8aaa22 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_projects_4b8aaa22 FROM PUBLIC;

-- the change queue of users
CREATE TABLE IF NOT EXISTS "headwater".queue_public_users_df59dd65 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "id" integer, "team" text) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_users_df59dd65_xid ON "headwater".queue_public_users_df59dd65 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_users_df59dd65 FROM PUBLIC;

-- the change queue of votes
CREATE TABLE IF NOT EXISTS "headwater".queue_public_votes_3b697155 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), project_id integer, user_id integer, "weight" numeric(8,2), created_at timestamp with time zone) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_votes_3b697155_xid ON "headwater".queue_public_votes_3b697155 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_votes_3b697155 FROM PUBLIC;

-- summary: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".summary_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".summary_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".summary_VERSION_key[];
  hw_more "headwater".summary_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"', '"public"."votes"']::text[] THEN
    RETURN "headwater".summary_VERSION_rebuild();
  END IF;
  IF '"public"."projects"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_projects_4b8aaa22 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_projects_4b8aaa22 AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT "id", "title" FROM hw_queue
      GROUP BY 1, 2
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".summary_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (r.id)::integer AS k1, (r.title)::text AS k2
          FROM hw_rows AS r
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF '"public"."votes"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_votes_3b697155 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_votes_3b697155 AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT created_at, project_id, user_id, "weight", "weight"::pg_catalog.text AS hw_t3 FROM hw_queue
      GROUP BY 1, 2, 3, 4, 5
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".summary_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (r.project_id)::integer AS k1, (h1.title)::text AS k2
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."projects" AS h1 WHERE h1.id OPERATOR(pg_catalog.=) r.project_id OFFSET 0
            ) AS h1
          UNION ALL
          SELECT hw_m."id" AS k1, hw_m."title" AS k2
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT hw_m.* FROM "headwater".summary_VERSION AS hw_m WHERE hw_m."id" OPERATOR(pg_catalog.=) r.project_id OFFSET 0
            ) AS hw_m
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  hw_more := (
    SELECT array_agg(ROW(m."id", m."title")::"headwater".summary_VERSION_key) FROM "headwater".summary_VERSION AS m WHERE m.hw_due <= now()
  );
  hw_keys := hw_keys || hw_more;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".summary_VERSION'::regclass
  ) THEN
    PERFORM "headwater".summary_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".summary_VERSION_recompute(hw_keys);
  END IF;
  RETURN coalesce(cardinality(hw_keys), 0);
END
$hw$;

-- summary_side: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".summary_side_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".summary_side_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".summary_side_VERSION_key[];
  hw_more "headwater".summary_side_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."users"']::text[] THEN
    RETURN "headwater".summary_side_VERSION_rebuild();
  END IF;
  IF '"public"."users"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid = ANY (hw_also)
    ), g AS MATERIALIZED (
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
        FROM (
          SELECT 0 AS k1, t.hw_sign AS s0, CASE WHEN t.id IS NOT NULL THEN t.hw_sign ELSE 0 END AS s1
          FROM hw_queue AS t
          WHERE 0 IS NOT NULL AND (t.team OPERATOR(pg_catalog.=) 'community'::pg_catalog.text)
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
    ), u AS (
      UPDATE "headwater".summary_side_VERSION AS m SET
        "v2" = m."v2" OPERATOR(pg_catalog.+) g.d0,
        "v1" = m."v1" OPERATOR(pg_catalog.+) g.d1
      FROM g
      WHERE m.hw_k1 OPERATOR(pg_catalog.=) g.k1
      RETURNING m.hw_k1::integer AS k1
    )
    SELECT array_agg(ROW(q.k1)::"headwater".summary_side_VERSION_key) INTO hw_more
    FROM (SELECT g.k1::integer AS k1 FROM g EXCEPT SELECT u.k1::integer AS k1 FROM u) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".summary_side_VERSION'::regclass
  ) THEN
    PERFORM "headwater".summary_side_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".summary_side_VERSION_recompute(hw_keys);
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
    WHEN 'summary_VERSION' THEN
      RETURN "headwater".summary_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
    WHEN 'summary_side_VERSION' THEN
      RETURN "headwater".summary_side_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."projects"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_projects_4b8aaa22 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_projects_4b8aaa22 AS q WHERE q.hw_xid = ANY (hw_also)))
    UNION ALL SELECT '"public"."users"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid = ANY (hw_also)))
    UNION ALL SELECT '"public"."votes"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_votes_3b697155 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_votes_3b697155 AS q WHERE q.hw_xid = ANY (hw_also)))
  );
  truncated := ARRAY(SELECT DISTINCT t.source FROM (SELECT q.source FROM headwater.truncated AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
  UNION ALL
  SELECT q.source FROM headwater.truncated AS q WHERE q.hw_xid = ANY (hw_also)) AS t);
  due := ARRAY(
    SELECT 'summary_VERSION' WHERE EXISTS (SELECT FROM "headwater".summary_VERSION AS m WHERE m.hw_due <= now())
  );
  next_due := LEAST((SELECT min(m.hw_due) FROM "headwater".summary_VERSION AS m));
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
    DELETE FROM "headwater".queue_public_projects_4b8aaa22 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_projects_4b8aaa22 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  IF '"public"."users"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  IF '"public"."votes"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_votes_3b697155 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_votes_3b697155 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;
