-- trigger functions: insert on projects

-- recent: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".recent_VERSION_full AS
SELECT p.id, p.title
FROM public.projects p
WHERE
  p.created_at > now() - '7 days'::interval
  AND NOT p.deleted;

-- recent: the stored part of the SELECT
CREATE VIEW "headwater".recent_VERSION_core AS
SELECT
  p.id AS id, p.title AS title, p.created_at AS hw_s1,
  (p.created_at + '7 days'::interval)::timestamptz AS hw_due
FROM public.projects p
WHERE
  p.created_at > now() - '7 days'::interval
  AND NOT p.deleted;

-- recent: the model table
CREATE TABLE "headwater".recent_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".recent_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".recent_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON recent (id)
CREATE UNIQUE INDEX recent_index_VERSION ON headwater.recent_VERSION USING btree (id);

-- finds the rows that are due
CREATE INDEX recent_due_VERSION ON "headwater".recent_VERSION (hw_due) WHERE hw_due IS NOT NULL;

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".recent_VERSION_recompute(keys "headwater".recent_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET timezone TO 'UTC'
  SET datestyle TO 'ISO, MDY'
  SET intervalstyle TO 'postgres'
  SET extra_float_digits TO '1'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".recent_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 1020381221888::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".recent_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".recent_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".recent_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".recent_VERSION AS m SET "id" = f."id", "title" = f."title", hw_s1 = f.hw_s1, hw_due = f.hw_due
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."title", m.hw_s1, m.hw_due)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f.hw_s1, f.hw_due)::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".recent_VERSION ("id", "title", hw_s1, hw_due)
  SELECT f."id", f."title", f.hw_s1, f.hw_due
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".recent_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- insert on projects
CREATE OR REPLACE FUNCTION "headwater".on_public_projects_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: INSERT on projects reaches 1 realtime and 0 eventual model(s).
DECLARE
  keys_1 "headwater".recent_VERSION_key[];
BEGIN
  BEGIN
    -- recent_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".recent_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (r.id)::integer AS k1
          FROM (SELECT created_at, "deleted", "id", "title" FROM hw_new) AS r
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".recent_VERSION_recompute(keys_1);
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
    -- recent_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".recent_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (r.id)::integer AS k1
          FROM (SELECT created_at, "deleted", "id", "title" FROM hw_new) AS r
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".recent_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('recent_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
