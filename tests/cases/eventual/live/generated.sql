-- trigger functions: none

-- owners: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".owners_VERSION_full AS
SELECT p.user_id, count(*) AS projects
FROM public.projects p
GROUP BY p.user_id;

-- owners: the stored part of the SELECT
CREATE VIEW "headwater".owners_VERSION_core AS
SELECT p.user_id AS user_id, count(*) AS projects
FROM public.projects p
GROUP BY p.user_id;

-- owners: the model table
CREATE TABLE "headwater".owners_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".owners_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".owners_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON owners (user_id)
CREATE UNIQUE INDEX owners_index_VERSION ON headwater.owners_VERSION USING btree (user_id);

-- notes what changes
CREATE OR REPLACE FUNCTION "headwater".owners_VERSION_note() RETURNS trigger LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".owners_VERSION: notes the keys that change, and the rows as they were.
BEGIN
  IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
    INSERT INTO headwater.changed (model, key) SELECT 'owners_VERSION', pg_catalog.to_jsonb(ROW(n.user_id)::"headwater".owners_VERSION_key) FROM hw_new AS n;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
    INSERT INTO headwater.changed (model, key, old) SELECT 'owners_VERSION', pg_catalog.to_jsonb(ROW(o.user_id)::"headwater".owners_VERSION_key), pg_catalog.to_jsonb(o) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[] FROM hw_old AS o;
  ELSE
    INSERT INTO headwater.changed (model, key, old)
    SELECT 'owners_VERSION', pg_catalog.to_jsonb(ROW(o.user_id)::"headwater".owners_VERSION_key), pg_catalog.to_jsonb(o) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[] FROM hw_old AS o
    UNION ALL (
      SELECT 'owners_VERSION', pg_catalog.to_jsonb(ROW(n.user_id)::"headwater".owners_VERSION_key), NULL::pg_catalog.jsonb FROM hw_new AS n
      EXCEPT SELECT 'owners_VERSION', pg_catalog.to_jsonb(ROW(o.user_id)::"headwater".owners_VERSION_key), NULL FROM hw_old AS o
    );
  END IF;
  RETURN NULL;
END
$hw$;

-- its changes are kept
CREATE TRIGGER headwater_note_insert AFTER INSERT ON "headwater".owners_VERSION REFERENCING NEW TABLE AS hw_new
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".owners_VERSION_note();

-- its changes are kept
CREATE TRIGGER headwater_note_update AFTER UPDATE ON "headwater".owners_VERSION REFERENCING OLD TABLE AS hw_old NEW TABLE AS hw_new
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".owners_VERSION_note();

-- its changes are kept
CREATE TRIGGER headwater_note_delete AFTER DELETE ON "headwater".owners_VERSION REFERENCING OLD TABLE AS hw_old
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".owners_VERSION_note();

-- until it serves, nobody follows its changes
ALTER TABLE "headwater".owners_VERSION DISABLE TRIGGER USER;

-- the log entries of a batch
CREATE OR REPLACE FUNCTION "headwater".owners_VERSION_changes(hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS TABLE (op text, key jsonb, "row" jsonb, old jsonb) LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".owners_VERSION: what has become of the keys that were noted, and what was there before.
BEGIN
  RETURN QUERY
  SELECT CASE WHEN c.key IS NULL THEN 'reset' WHEN r.rows IS NULL THEN 'gone' ELSE 'put' END, c.key, r.rows[1],
    CASE WHEN c.images IS NOT NULL THEN (
      SELECT coalesce(jsonb_agg(i), '[]') FROM unnest(c.images) AS i WHERE i <> ALL (coalesce(r.rows, '{}'))
    ) END
  FROM (
    SELECT k.key, array_agg(DISTINCT k.old) FILTER (WHERE k.old IS NOT NULL) AS images FROM (
      SELECT n.key, n.old FROM (
        SELECT q.key, q.old, q.model FROM headwater.changed AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
        UNION ALL
        SELECT q.key, q.old, q.model FROM headwater.changed AS q WHERE q.hw_xid = ANY (hw_also)
        UNION ALL
        SELECT q.key, q.old, q.model FROM headwater.changed AS q WHERE q.hw_xid = pg_current_xact_id()
      ) AS n WHERE n.model = 'owners_VERSION'
    ) AS k GROUP BY k.key
  ) AS c
  LEFT JOIN LATERAL (
    SELECT array_agg(pg_catalog.to_jsonb(hw_m) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[]) AS rows FROM "headwater".owners_VERSION AS hw_m, jsonb_populate_record(NULL::"headwater".owners_VERSION_key, c.key) AS k
    -- Equal keys may have two spellings (citext); the row has one of them.
    WHERE hw_m.user_id OPERATOR(pg_catalog.=) k.k1 AND pg_catalog.to_jsonb(ROW(hw_m.user_id)::"headwater".owners_VERSION_key) = to_jsonb(k)
  ) AS r ON c.key IS NOT NULL
  ORDER BY c.key NULLS FIRST;
END
$hw$;

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".owners_VERSION_recompute(keys "headwater".owners_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".owners_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".owners_VERSION_core AS c WHERE c.user_id OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".owners_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m.user_id OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.user_id OPERATOR(pg_catalog.=) m.user_id)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".owners_VERSION AS m SET user_id = f.user_id, "projects" = f."projects"
    FROM fresh AS f
    WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m.user_id, m."projects")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f.user_id, f."projects")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".owners_VERSION (user_id, "projects")
  SELECT f.user_id, f."projects"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".owners_VERSION AS m WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id)
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".owners_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".owners_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".owners_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".owners_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f.user_id OPERATOR(pg_catalog.=) m.user_id) RETURNING 1
  ), altered AS (
    UPDATE "headwater".owners_VERSION AS m SET user_id = f.user_id, "projects" = f."projects"
    FROM fresh AS f
    WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m.user_id, m."projects")::record OPERATOR(pg_catalog.*<>) ROW(f.user_id, f."projects")::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".owners_VERSION (user_id, "projects")
    SELECT f.user_id, f."projects" FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".owners_VERSION AS m WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id)
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".owners_VERSION ENABLE ALWAYS TRIGGER headwater_note_insert;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".owners_VERSION ENABLE ALWAYS TRIGGER headwater_note_update;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".owners_VERSION ENABLE ALWAYS TRIGGER headwater_note_delete;

-- when it begins to serve: whoever follows the model reads it anew
INSERT INTO headwater.changed (model) VALUES ('owners_VERSION');

-- the change queue of projects
CREATE TABLE IF NOT EXISTS "headwater".queue_public_projects_fe31dc60 (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), user_id integer) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_projects_fe31dc60_xid ON "headwater".queue_public_projects_fe31dc60 (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_projects_fe31dc60 FROM PUBLIC;

-- owners: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".owners_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".owners_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".owners_VERSION_key[];
  hw_more "headwater".owners_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"']::text[] THEN
    RETURN "headwater".owners_VERSION_rebuild();
  END IF;
  IF '"public"."projects"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_projects_fe31dc60 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_projects_fe31dc60 AS q WHERE q.hw_xid = ANY (hw_also)
    ), g AS MATERIALIZED (
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0
        FROM (
          SELECT t.user_id AS k1, t.hw_sign AS s0
          FROM hw_queue AS t
          WHERE t.user_id IS NOT NULL
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0
    ), u AS (
      UPDATE "headwater".owners_VERSION AS m SET
        "projects" = m."projects" OPERATOR(pg_catalog.+) g.d0
      FROM g
      WHERE m.user_id OPERATOR(pg_catalog.=) g.k1
        AND m."projects" OPERATOR(pg_catalog.+) g.d0 OPERATOR(pg_catalog.>) 0
      RETURNING m.user_id::integer AS k1
    )
    SELECT array_agg(ROW(q.k1)::"headwater".owners_VERSION_key) INTO hw_more
    FROM (SELECT g.k1::integer AS k1 FROM g EXCEPT SELECT u.k1::integer AS k1 FROM u) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".owners_VERSION'::regclass
  ) THEN
    PERFORM "headwater".owners_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".owners_VERSION_recompute(hw_keys);
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
    WHEN 'owners_VERSION' THEN
      RETURN "headwater".owners_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."projects"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_projects_fe31dc60 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_projects_fe31dc60 AS q WHERE q.hw_xid = ANY (hw_also)))
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
    DELETE FROM "headwater".queue_public_projects_fe31dc60 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_projects_fe31dc60 AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;
