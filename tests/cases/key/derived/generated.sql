-- trigger functions: none

-- events: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".events_VERSION_full AS
SELECT p.id, 'submitted'::text AS kind, p.submitted_at AS at, p.title
FROM public.proposals p
UNION ALL
SELECT md5('approved'::text || p.id::text)::uuid AS id, 'approved'::text AS kind, p.approved_at AS at, p.title
FROM public.proposals p
WHERE p.approved_at IS NOT NULL;

-- events: the stored part of the SELECT
CREATE VIEW "headwater".events_VERSION_core AS
SELECT p.id, 'submitted'::text AS kind, p.submitted_at AS at, p.title
FROM public.proposals p
UNION ALL
SELECT md5('approved'::text || p.id::text)::uuid AS id, 'approved'::text AS kind, p.approved_at AS at, p.title
FROM public.proposals p
WHERE p.approved_at IS NOT NULL;

-- events: the model table
CREATE TABLE "headwater".events_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".events_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".events_VERSION_key AS (k1 uuid);

-- declared as CREATE UNIQUE INDEX ON events (id)
CREATE UNIQUE INDEX events_index_VERSION ON headwater.events_VERSION USING btree (id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".events_VERSION_recompute(keys "headwater".events_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".events_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 829008448000::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".events_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".events_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".events_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".events_VERSION AS m SET "id" = f."id", "kind" = f."kind", "at" = f."at", "title" = f."title"
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."kind", m."at", m."title")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."kind", f."at", f."title")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".events_VERSION ("id", "kind", "at", "title")
  SELECT f."id", f."kind", f."at", f."title"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".events_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0
    AND (SELECT headwater.one_row_a_key(pg_catalog.count(*), pg_catalog.count(DISTINCT ROW(f."id")), 'events_VERSION') FROM fresh AS f);
END
$hw$;
