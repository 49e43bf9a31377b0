-- trigger functions: update on votes, truncate on votes

-- project_votes: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".project_votes_VERSION_full AS
SELECT
  p.id, p.title,
  (
    SELECT count(*) AS count
    FROM public.votes v
    WHERE
      v.project_id = p.id
      AND v.up
  ) AS ups,
  (
    SELECT sum(v.weight) AS sum
    FROM public.votes v
    WHERE v.project_id = p.id
  ) AS weight,
  (
    SELECT count(*) AS count
    FROM public.votes v
    WHERE
      v.project_id = p.id
      AND v.up
  ) - p.score AS heat
FROM public.projects p;

-- project_votes: the stored part of the SELECT
CREATE VIEW "headwater".project_votes_VERSION_core AS
SELECT
  p.id AS id, p.title AS title, hw_f1.v AS ups,
  (
    SELECT sum(v.weight) AS sum
    FROM public.votes v
    WHERE v.project_id = p.id
  ) AS weight,
  hw_f1.v - p.score AS heat,
  (
    SELECT COALESCE(sum(v.weight), 0) AS sum
    FROM public.votes v
    WHERE v.project_id = p.id
  ) AS hw_s1,
  (
    SELECT count(v.weight) AS sum
    FROM public.votes v
    WHERE v.project_id = p.id
  ) AS hw_s2,
  p.score AS hw_s3
FROM
  public.projects p,
  LATERAL (
    SELECT count(*) AS v
    FROM public.votes v
    WHERE
      v.project_id = p.id
      AND v.up
  ) hw_f1;

-- project_votes: the model table
CREATE TABLE "headwater".project_votes_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".project_votes_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".project_votes_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON project_votes (id)
CREATE UNIQUE INDEX project_votes_index_VERSION ON headwater.project_votes_VERSION USING btree (id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".project_votes_VERSION_recompute(keys "headwater".project_votes_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".project_votes_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".project_votes_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".project_votes_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".project_votes_VERSION AS m SET "id" = f."id", "title" = f."title", "ups" = f."ups", "weight" = f."weight", "heat" = f."heat", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_s3 = f.hw_s3
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."title", m."ups", m."weight", m."heat", m.hw_s1, m.hw_s2, m.hw_s3)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f."ups", f."weight", f."heat", f.hw_s1, f.hw_s2, f.hw_s3)::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".project_votes_VERSION ("id", "title", "ups", "weight", "heat", hw_s1, hw_s2, hw_s3)
  SELECT f."id", f."title", f."ups", f."weight", f."heat", f.hw_s1, f.hw_s2, f.hw_s3
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".project_votes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".project_votes_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".project_votes_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".project_votes_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".project_votes_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id") RETURNING 1
  ), altered AS (
    UPDATE "headwater".project_votes_VERSION AS m SET "id" = f."id", "title" = f."title", "ups" = f."ups", "weight" = f."weight", "heat" = f."heat", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_s3 = f.hw_s3
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."title", m."ups", m."weight", m."heat", m.hw_s1, m.hw_s2, m.hw_s3)::record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f."ups", f."weight", f."heat", f.hw_s1, f.hw_s2, f.hw_s3)::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".project_votes_VERSION ("id", "title", "ups", "weight", "heat", hw_s1, hw_s2, hw_s3)
    SELECT f."id", f."title", f."ups", f."weight", f."heat", f.hw_s1, f.hw_s2, f.hw_s3 FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".project_votes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of projects
CREATE TABLE IF NOT EXISTS "headwater".queue_public_projects_4f3302ef (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "id" integer, "title" text, "score" integer) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_projects_4f3302ef_xid ON "headwater".queue_public_projects_4f3302ef (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_projects_4f3302ef FROM PUBLIC;

-- the change queue of votes
CREATE TABLE IF NOT EXISTS "headwater".queue_public_votes_f6c07f06 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), project_id integer, "up" boolean, "weight" numeric(8,2)) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_votes_f6c07f06_xid ON "headwater".queue_public_votes_f6c07f06 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_votes_f6c07f06 FROM PUBLIC;

-- project_votes: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".project_votes_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".project_votes_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".project_votes_VERSION_key[];
  hw_more "headwater".project_votes_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"', '"public"."votes"']::text[] THEN
    RETURN "headwater".project_votes_VERSION_rebuild();
  END IF;
  IF '"public"."projects"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_projects_4f3302ef AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_projects_4f3302ef AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT "id", "score", "title" FROM hw_queue
      GROUP BY 1, 2, 3
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1)::"headwater".project_votes_VERSION_key AS key
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
  IF '"public"."votes"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_votes_f6c07f06 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_votes_f6c07f06 AS q WHERE q.hw_xid = ANY (hw_also)
    ), g AS MATERIALIZED (
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.numeric AS d1, pg_catalog.sum(r.s2)::pg_catalog.int8 AS d2
        FROM (
          SELECT t.project_id AS k1, CASE WHEN t.up THEN t.hw_sign ELSE 0 END AS s0, CASE WHEN t.weight IS NOT NULL THEN (t.weight)::pg_catalog.numeric OPERATOR(pg_catalog.*) t.hw_sign ELSE 0 END AS s1, CASE WHEN t.weight IS NOT NULL THEN t.hw_sign ELSE 0 END AS s2
          FROM hw_queue AS t
          WHERE t.project_id IS NOT NULL
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0 OR g.d2 OPERATOR(pg_catalog.<>) 0
    ), u AS (
      UPDATE "headwater".project_votes_VERSION AS m SET
        "ups" = m."ups" OPERATOR(pg_catalog.+) g.d0,
        hw_s1 = m.hw_s1 OPERATOR(pg_catalog.+) g.d1,
        hw_s2 = m.hw_s2 OPERATOR(pg_catalog.+) g.d2,
        "weight" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) g.d2 OPERATOR(pg_catalog.>) 0 THEN m.hw_s1 OPERATOR(pg_catalog.+) g.d1 END,
        "heat" = m.ups OPERATOR(pg_catalog.+) g.d0 OPERATOR(pg_catalog.-) m.hw_s3
      FROM g
      WHERE m."id" OPERATOR(pg_catalog.=) g.k1
        AND (m.hw_s1 OPERATOR(pg_catalog.+) g.d1)::pg_catalog.text OPERATOR(pg_catalog.<>) ALL (ARRAY['NaN', 'Infinity', '-Infinity']::pg_catalog.text[])
      RETURNING m."id"::integer AS k1
    )
    SELECT array_agg(ROW(q.k1)::"headwater".project_votes_VERSION_key) INTO hw_more
    FROM (SELECT g.k1::integer AS k1 FROM g EXCEPT SELECT u.k1::integer AS k1 FROM u) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".project_votes_VERSION'::regclass
  ) THEN
    PERFORM "headwater".project_votes_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".project_votes_VERSION_recompute(hw_keys);
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
    WHEN 'project_votes_VERSION' THEN
      RETURN "headwater".project_votes_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."projects"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_projects_4f3302ef AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_projects_4f3302ef AS q WHERE q.hw_xid = ANY (hw_also)))
    UNION ALL SELECT '"public"."votes"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_votes_f6c07f06 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_votes_f6c07f06 AS q WHERE q.hw_xid = ANY (hw_also)))
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
    DELETE FROM "headwater".queue_public_projects_4f3302ef AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_projects_4f3302ef AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  IF '"public"."votes"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_votes_f6c07f06 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_votes_f6c07f06 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;

-- update on votes
CREATE OR REPLACE FUNCTION "headwater".on_public_votes_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: UPDATE on votes reaches 0 realtime and 1 eventual model(s).
DECLARE

BEGIN
  BEGIN
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT project_id, "up", "weight", "weight"::pg_catalog.text AS hw_t2 FROM hw_new EXCEPT ALL SELECT project_id, "up", "weight", "weight"::pg_catalog.text AS hw_t2 FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- The change queue of the eventual models.
    INSERT INTO "headwater".queue_public_votes_f6c07f06 (hw_sign, project_id, "up", "weight")
    SELECT 1, project_id, "up", "weight" FROM hw_new
    UNION ALL
    SELECT -1, project_id, "up", "weight" FROM hw_old;
    RETURN NULL;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
        RAISE;
    WHEN OTHERS THEN
      NULL;
  END;
  -- Something failed: find out which model, and let the writer and the other models go on.
  BEGIN
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT project_id, "up", "weight", "weight"::pg_catalog.text AS hw_t2 FROM hw_new EXCEPT ALL SELECT project_id, "up", "weight", "weight"::pg_catalog.text AS hw_t2 FROM hw_old) THEN
      RETURN NULL;
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_votes_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- The change queue of the eventual models.
    INSERT INTO "headwater".queue_public_votes_f6c07f06 (hw_sign, project_id, "up", "weight")
    SELECT 1, project_id, "up", "weight" FROM hw_new
    UNION ALL
    SELECT -1, project_id, "up", "weight" FROM hw_old;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_votes_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;

-- truncate on votes
CREATE OR REPLACE FUNCTION "headwater".on_public_votes_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: TRUNCATE of votes empties what its rows made.
DECLARE

BEGIN
  BEGIN
    INSERT INTO headwater.truncated (source) VALUES ('"public"."votes"');
    RETURN NULL;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
        RAISE;
    WHEN OTHERS THEN
      NULL;
  END;
  -- Something failed: find out which model, and let the writer and the other models go on.
  BEGIN
    INSERT INTO headwater.truncated (source) VALUES ('"public"."votes"');
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_votes_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
