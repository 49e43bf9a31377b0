-- trigger functions: insert on projects

-- announced: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".announced_VERSION_full AS
SELECT p.id, p.title
FROM public.projects p
WHERE NOT p.deleted;

-- announced: the stored part of the SELECT
CREATE VIEW "headwater".announced_VERSION_core AS
SELECT p.id AS id, p.title AS title
FROM public.projects p
WHERE NOT p.deleted;

-- announced: the model table
CREATE TABLE "headwater".announced_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".announced_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".announced_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON announced (id)
CREATE UNIQUE INDEX announced_index_VERSION ON headwater.announced_VERSION USING btree (id);

-- notes what changes
CREATE OR REPLACE FUNCTION "headwater".announced_VERSION_note() RETURNS trigger LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".announced_VERSION: notes the keys that change, and the rows as they were.
BEGIN
  IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
    INSERT INTO headwater.changed (model, key) SELECT 'announced_VERSION', pg_catalog.to_jsonb(ROW(n."id")::"headwater".announced_VERSION_key) FROM hw_new AS n;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
    INSERT INTO headwater.changed (model, key, old) SELECT 'announced_VERSION', pg_catalog.to_jsonb(ROW(o."id")::"headwater".announced_VERSION_key), pg_catalog.to_jsonb(o) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[] FROM hw_old AS o;
  ELSE
    INSERT INTO headwater.changed (model, key, old)
    SELECT 'announced_VERSION', pg_catalog.to_jsonb(ROW(o."id")::"headwater".announced_VERSION_key), pg_catalog.to_jsonb(o) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[] FROM hw_old AS o
    UNION ALL (
      SELECT 'announced_VERSION', pg_catalog.to_jsonb(ROW(n."id")::"headwater".announced_VERSION_key), NULL::pg_catalog.jsonb FROM hw_new AS n
      EXCEPT SELECT 'announced_VERSION', pg_catalog.to_jsonb(ROW(o."id")::"headwater".announced_VERSION_key), NULL FROM hw_old AS o
    );
  END IF;
  RETURN NULL;
END
$hw$;

-- its changes are kept
CREATE TRIGGER headwater_note_insert AFTER INSERT ON "headwater".announced_VERSION REFERENCING NEW TABLE AS hw_new
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".announced_VERSION_note();

-- its changes are kept
CREATE TRIGGER headwater_note_update AFTER UPDATE ON "headwater".announced_VERSION REFERENCING OLD TABLE AS hw_old NEW TABLE AS hw_new
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".announced_VERSION_note();

-- its changes are kept
CREATE TRIGGER headwater_note_delete AFTER DELETE ON "headwater".announced_VERSION REFERENCING OLD TABLE AS hw_old
  FOR EACH STATEMENT EXECUTE FUNCTION "headwater".announced_VERSION_note();

-- until it serves, nobody follows its changes
ALTER TABLE "headwater".announced_VERSION DISABLE TRIGGER USER;

-- the log entries of a batch
CREATE OR REPLACE FUNCTION "headwater".announced_VERSION_changes(hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS TABLE (op text, key jsonb, "row" jsonb, old jsonb) LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".announced_VERSION: what has become of the keys that were noted, and what was there before.
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
      ) AS n WHERE n.model = 'announced_VERSION'
    ) AS k GROUP BY k.key
  ) AS c
  LEFT JOIN LATERAL (
    SELECT array_agg(pg_catalog.to_jsonb(hw_m) OPERATOR(pg_catalog.-) ARRAY['hw_mark']::pg_catalog.text[]) AS rows FROM "headwater".announced_VERSION AS hw_m, jsonb_populate_record(NULL::"headwater".announced_VERSION_key, c.key) AS k
    -- Equal keys may have two spellings (citext); the row has one of them.
    WHERE hw_m."id" OPERATOR(pg_catalog.=) k.k1 AND pg_catalog.to_jsonb(ROW(hw_m."id")::"headwater".announced_VERSION_key) = to_jsonb(k)
  ) AS r ON c.key IS NOT NULL
  ORDER BY c.key NULLS FIRST;
END
$hw$;

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".announced_VERSION_recompute(keys "headwater".announced_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".announced_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 969140132864::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".announced_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  INSERT INTO "headwater".announced_VERSION ("id", "title")
  SELECT f."id", f."title"
  FROM (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".announced_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ) AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".announced_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id");
END
$hw$;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".announced_VERSION ENABLE ALWAYS TRIGGER headwater_note_insert;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".announced_VERSION ENABLE ALWAYS TRIGGER headwater_note_update;

-- when it begins to serve: from now on its changes are kept
ALTER TABLE "headwater".announced_VERSION ENABLE ALWAYS TRIGGER headwater_note_delete;

-- when it begins to serve: whoever follows the model reads it anew
INSERT INTO headwater.changed (model) VALUES ('announced_VERSION');

-- insert on projects
CREATE OR REPLACE FUNCTION "headwater".on_public_projects_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: INSERT on projects reaches 1 realtime and 0 eventual model(s).
DECLARE
  keys_1 "headwater".announced_VERSION_key[];
BEGIN
  BEGIN
    -- announced_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".announced_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (r.id)::integer AS k1
          FROM (SELECT "deleted", "id", "title" FROM hw_new) AS r
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".announced_VERSION_recompute(keys_1);
    END IF;
    RETURN NULL;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
        RAISE;
    WHEN OTHERS THEN
      NULL;
  END;
  -- Something failed: find out which model, and let the writer and the other models go on.
  BEGIN
    -- announced_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".announced_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (r.id)::integer AS k1
          FROM (SELECT "deleted", "id", "title" FROM hw_new) AS r
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".announced_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('announced_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
