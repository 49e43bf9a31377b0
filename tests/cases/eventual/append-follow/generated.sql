-- trigger functions: none

-- events: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".events_VERSION_full AS
SELECT v.project_id, v.user_id, p.title, u.team, v.created_at
FROM
  public.votes v
  JOIN public.projects p ON p.id = v.project_id
  JOIN public.users u ON u.id = v.user_id;

-- events: the stored part of the SELECT
CREATE VIEW "headwater".events_VERSION_core AS
SELECT
  v.project_id AS project_id, v.user_id AS user_id, p.title AS title, u.team AS team,
  v.created_at AS created_at
FROM
  public.votes v
  JOIN public.projects p ON p.id = v.project_id
  JOIN public.users u ON u.id = v.user_id;

-- events: the model table
CREATE TABLE "headwater".events_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".events_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".events_VERSION_key AS (k1 integer, k2 integer);

-- declared as CREATE UNIQUE INDEX ON events (project_id, user_id)
CREATE UNIQUE INDEX events_index_VERSION ON headwater.events_VERSION USING btree (project_id, user_id);

-- finds the rows that are too old
CREATE INDEX events_keep_VERSION ON "headwater".events_VERSION (created_at);

-- notes what changes
CREATE OR REPLACE FUNCTION "headwater".events_VERSION_note() RETURNS trigger LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".events_VERSION: notes the keys that change, and the rows as they were.
BEGIN
  IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
    INSERT INTO headwater.changed (model, key) SELECT 'events_VERSION', pg_catalog.to_jsonb(ROW(n.project_id, n.user_id)::"headwater".events_VERSION_key) FROM hw_new AS n;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
    INSERT INTO headwater.changed (model, key, old) SELECT 'events_VERSION', pg_catalog.to_jsonb(ROW(o.project_id, o.user_id)::"headwater".events_VERSION_key), pg_catalog.to_jsonb(o) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[] FROM hw_old AS o;
  ELSE
    INSERT INTO headwater.changed (model, key, old)
    SELECT 'events_VERSION', pg_catalog.to_jsonb(ROW(o.project_id, o.user_id)::"headwater".events_VERSION_key), pg_catalog.to_jsonb(o) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[] FROM hw_old AS o
    UNION ALL (
      SELECT 'events_VERSION', pg_catalog.to_jsonb(ROW(n.project_id, n.user_id)::"headwater".events_VERSION_key), NULL::pg_catalog.jsonb FROM hw_new AS n
      EXCEPT SELECT 'events_VERSION', pg_catalog.to_jsonb(ROW(o.project_id, o.user_id)::"headwater".events_VERSION_key), NULL FROM hw_old AS o
    );
  END IF;
  RETURN NULL;
END
$hw$;

-- its changes are kept
CREATE TRIGGER headwater_note_insert AFTER INSERT ON "headwater".events_VERSION REFERENCING NEW TABLE AS hw_new
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".events_VERSION_note();

-- its changes are kept
CREATE TRIGGER headwater_note_update AFTER UPDATE ON "headwater".events_VERSION REFERENCING OLD TABLE AS hw_old NEW TABLE AS hw_new
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".events_VERSION_note();

-- its changes are kept
CREATE TRIGGER headwater_note_delete AFTER DELETE ON "headwater".events_VERSION REFERENCING OLD TABLE AS hw_old
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".events_VERSION_note();

-- until it serves, nobody follows its changes
ALTER TABLE "headwater".events_VERSION DISABLE TRIGGER USER;

-- the log entries of a batch
CREATE OR REPLACE FUNCTION "headwater".events_VERSION_changes(hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS TABLE (op text, key jsonb, "row" jsonb, old jsonb) LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".events_VERSION: what has become of the keys that were noted, and what was there before.
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
      ) AS n WHERE n.model = 'events_VERSION'
    ) AS k GROUP BY k.key
  ) AS c
  LEFT JOIN LATERAL (
    SELECT array_agg(pg_catalog.to_jsonb(hw_m) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[]) AS rows FROM "headwater".events_VERSION AS hw_m, jsonb_populate_record(NULL::"headwater".events_VERSION_key, c.key) AS k
    -- Equal keys may have two spellings (citext); the row has one of them.
    WHERE hw_m.project_id OPERATOR(pg_catalog.=) k.k1 AND hw_m.user_id OPERATOR(pg_catalog.=) k.k2 AND pg_catalog.to_jsonb(ROW(hw_m.project_id, hw_m.user_id)::"headwater".events_VERSION_key) = to_jsonb(k)
  ) AS r ON c.key IS NOT NULL
  ORDER BY c.key NULLS FIRST;
END
$hw$;

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".events_VERSION_recompute(keys "headwater".events_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".events_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".events_VERSION_core AS c WHERE c.project_id OPERATOR(pg_catalog.=) k.k1 AND c.user_id OPERATOR(pg_catalog.=) k.k2 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".events_VERSION AS m USING (
      SELECT k.* FROM pg_catalog.unnest(keys) AS k EXCEPT SELECT f.project_id, f.user_id FROM fresh AS f
    ) AS k
    WHERE m.project_id OPERATOR(pg_catalog.=) k.k1 AND m.user_id OPERATOR(pg_catalog.=) k.k2
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".events_VERSION AS m SET "team" = f."team"
    FROM fresh AS f
    WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id AND m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m."team")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."team")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".events_VERSION (project_id, user_id, "title", "team", created_at)
  SELECT f.project_id, f.user_id, f."title", f."team", f.created_at
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".events_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id AND m.user_id OPERATOR(pg_catalog.=) f.user_id)
    AND f.created_at OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '180 days'::pg_catalog.interval)
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".events_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".events_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".events_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".events_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f.project_id OPERATOR(pg_catalog.=) m.project_id AND f.user_id OPERATOR(pg_catalog.=) m.user_id) RETURNING 1
  ), altered AS (
    UPDATE "headwater".events_VERSION AS m SET "team" = f."team"
    FROM fresh AS f
    WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id AND m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m."team")::record OPERATOR(pg_catalog.*<>) ROW(f."team")::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".events_VERSION (project_id, user_id, "title", "team", created_at)
    SELECT f.project_id, f.user_id, f."title", f."team", f.created_at FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".events_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id AND m.user_id OPERATOR(pg_catalog.=) f.user_id)
      AND f.created_at OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '180 days'::pg_catalog.interval)
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".events_VERSION ENABLE ALWAYS TRIGGER headwater_note_insert;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".events_VERSION ENABLE ALWAYS TRIGGER headwater_note_update;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".events_VERSION ENABLE ALWAYS TRIGGER headwater_note_delete;

-- when it begins to serve: whoever follows the model reads it anew
INSERT INTO headwater.changed (model) VALUES ('events_VERSION');

-- trims it
DELETE FROM "headwater".events_VERSION WHERE ctid = ANY (ARRAY(SELECT m.ctid FROM "headwater".events_VERSION AS m WHERE m.created_at <= now() - '180 days'::interval ORDER BY m.created_at LIMIT $1::bigint));

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
CREATE TABLE IF NOT EXISTS "headwater".queue_public_votes_0cace76b (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), project_id integer, user_id integer, created_at timestamp with time zone) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_votes_0cace76b_xid ON "headwater".queue_public_votes_0cace76b (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_votes_0cace76b FROM PUBLIC;

-- events: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".events_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".events_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".events_VERSION_key[];
  hw_more "headwater".events_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."projects"', '"public"."users"', '"public"."votes"']::text[] THEN
    RETURN "headwater".events_VERSION_rebuild();
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
      SELECT ROW(q.k1, q.k2)::"headwater".events_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (r.id)::integer AS k1, (h1.user_id)::integer AS k2
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."votes" AS h1 WHERE h1.project_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS h1
          UNION ALL
          SELECT hw_m.project_id AS k1, hw_m.user_id AS k2
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT hw_m.* FROM "headwater".events_VERSION AS hw_m WHERE hw_m.project_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS hw_m
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF '"public"."users"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_users_df59dd65 AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT "id", "team" FROM hw_queue
      GROUP BY 1, 2
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".events_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (h1.project_id)::integer AS k1, (r.id)::integer AS k2
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."votes" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS h1
          UNION ALL
          SELECT hw_m.project_id AS k1, hw_m.user_id AS k2
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT hw_m.* FROM "headwater".events_VERSION AS hw_m WHERE hw_m.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS hw_m
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF '"public"."votes"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_votes_0cace76b AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_votes_0cace76b AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT created_at, project_id, user_id FROM hw_queue
      GROUP BY 1, 2, 3
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".events_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (r.project_id)::integer AS k1, (r.user_id)::integer AS k2
          FROM hw_rows AS r
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".events_VERSION'::regclass
  ) THEN
    PERFORM "headwater".events_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".events_VERSION_recompute(hw_keys);
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
    WHEN 'events_VERSION' THEN
      RETURN "headwater".events_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    UNION ALL SELECT '"public"."votes"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_votes_0cace76b AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_votes_0cace76b AS q WHERE q.hw_xid = ANY (hw_also)))
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
    DELETE FROM "headwater".queue_public_votes_0cace76b AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_votes_0cace76b AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;
