-- trigger functions: insert on votes

-- trending: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".trending_VERSION_full AS
SELECT
  id, title,
  ((
    SELECT count(*) AS count
    FROM public.votes v
    WHERE v.project_id = p.id
  ) * 2)::numeric + extract ('epoch' FROM now() - created_at) / 3600::numeric * '-0.1'::numeric AS trending
FROM public.projects p
ORDER BY
  ((
    SELECT count(*) AS count
    FROM public.votes v
    WHERE v.project_id = p.id
  ) * 2)::numeric + extract ('epoch' FROM now() - created_at) / 3600::numeric * '-0.1'::numeric DESC;

-- trending: the stored part of the SELECT
CREATE VIEW "headwater".trending_VERSION_core AS
SELECT
  id AS id, title AS title,
  ((
    SELECT count(*) AS count
    FROM public.votes v
    WHERE v.project_id = p.id
  ) * 2)::numeric AS hw_s1,
  created_at AS hw_s2,
  ((
    SELECT count(*) AS count
    FROM public.votes v
    WHERE v.project_id = p.id
  ) * 2)::numeric + extract ('epoch' FROM '2000-01-01 00:00:00+00'::timestamptz - created_at) / 3600::numeric * '-0.1'::numeric AS hw_o1
FROM public.projects p;

-- trending: the model table
CREATE TABLE "headwater".trending_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".trending_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".trending_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON trending (id)
CREATE UNIQUE INDEX trending_index_VERSION ON headwater.trending_VERSION USING btree (id);

-- declared as trending_order
CREATE INDEX trending_order_VERSION ON headwater.trending_VERSION USING btree (hw_o1 DESC);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".trending_VERSION_recompute(keys "headwater".trending_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".trending_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 210695705600::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".trending_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".trending_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".trending_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
  ), altered AS (
    UPDATE "headwater".trending_VERSION AS m SET "id" = f."id", "title" = f."title", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_o1 = f.hw_o1
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."title", m.hw_s1, m.hw_s2, m.hw_o1)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f.hw_s1, f.hw_s2, f.hw_o1)::pg_catalog.record
  )
  INSERT INTO "headwater".trending_VERSION ("id", "title", hw_s1, hw_s2, hw_o1)
  SELECT f."id", f."title", f.hw_s1, f.hw_s2, f.hw_o1
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".trending_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id");
END
$hw$;

-- insert on votes
CREATE OR REPLACE FUNCTION "headwater".on_public_votes_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: INSERT on votes reaches 1 model(s).
DECLARE
  keys_1 "headwater".trending_VERSION_key[];
BEGIN
  BEGIN
    -- trending_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(ROW(q.k1)::"headwater".trending_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1 FROM (
        SELECT (r.project_id)::integer AS k1
        FROM (SELECT project_id FROM hw_new) AS r
      ) AS q
      WHERE q.k1 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".trending_VERSION_recompute(keys_1);
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
    -- trending_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(ROW(q.k1)::"headwater".trending_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1 FROM (
        SELECT (r.project_id)::integer AS k1
        FROM (SELECT project_id FROM hw_new) AS r
      ) AS q
      WHERE q.k1 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".trending_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('trending_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
