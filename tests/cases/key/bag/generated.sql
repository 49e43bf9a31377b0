-- trigger functions: delete on sightings

-- birds: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".birds_VERSION_full AS
SELECT sightings.place, sightings.bird
FROM public.sightings
WHERE sightings.bird IS NOT NULL;

-- birds: the stored part of the SELECT
CREATE VIEW "headwater".birds_VERSION_core AS
SELECT sightings.place AS place, sightings.bird AS bird
FROM public.sightings
WHERE sightings.bird IS NOT NULL;

-- birds: the model table
CREATE TABLE "headwater".birds_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".birds_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".birds_VERSION_key AS (k1 text, k2 text);

-- finds a row by its key
CREATE INDEX birds_key_VERSION ON "headwater".birds_VERSION ("place", "bird");

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".birds_VERSION_recompute(keys "headwater".birds_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".birds_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1, k.k2), 260737543680::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".birds_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE (m."place" OPERATOR(pg_catalog.=) k.k1 OR m."place" IS NULL AND k.k1 IS NULL) AND (m."bird" OPERATOR(pg_catalog.=) k.k2 OR m."bird" IS NULL AND k.k2 IS NULL)
  ORDER BY m."place", m."bird"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".birds_VERSION_core AS c WHERE (c."place" OPERATOR(pg_catalog.=) k.k1 OR c."place" IS NULL AND k.k1 IS NULL) AND (c."bird" OPERATOR(pg_catalog.=) k.k2 OR c."bird" IS NULL AND k.k2 IS NULL) OFFSET 0
    ) AS c
  ), differing AS MATERIALIZED (
    SELECT k.* FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    WHERE (SELECT pg_catalog.array_agg(ROW(f."place", f."bird")::pg_catalog.text ORDER BY ROW(f."place", f."bird")::pg_catalog.text) FROM fresh AS f WHERE (f."place" OPERATOR(pg_catalog.=) k.k1 OR f."place" IS NULL AND k.k1 IS NULL) AND (f."bird" OPERATOR(pg_catalog.=) k.k2 OR f."bird" IS NULL AND k.k2 IS NULL))
      IS DISTINCT FROM (SELECT pg_catalog.array_agg(ROW(m."place", m."bird")::pg_catalog.text ORDER BY ROW(m."place", m."bird")::pg_catalog.text) FROM "headwater".birds_VERSION AS m WHERE (m."place" OPERATOR(pg_catalog.=) k.k1 OR m."place" IS NULL AND k.k1 IS NULL) AND (m."bird" OPERATOR(pg_catalog.=) k.k2 OR m."bird" IS NULL AND k.k2 IS NULL))
  ), gone AS (
    DELETE FROM "headwater".birds_VERSION AS m USING differing AS k WHERE (m."place" OPERATOR(pg_catalog.=) k.k1 OR m."place" IS NULL AND k.k1 IS NULL) AND (m."bird" OPERATOR(pg_catalog.=) k.k2 OR m."bird" IS NULL AND k.k2 IS NULL) RETURNING 1
  )
  INSERT INTO "headwater".birds_VERSION ("place", "bird")
  SELECT f."place", f."bird" FROM fresh AS f
  WHERE EXISTS (SELECT FROM differing AS k WHERE (f."place" OPERATOR(pg_catalog.=) k.k1 OR f."place" IS NULL AND k.k1 IS NULL) AND (f."bird" OPERATOR(pg_catalog.=) k.k2 OR f."bird" IS NULL AND k.k2 IS NULL))
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- delete on sightings
CREATE OR REPLACE FUNCTION "headwater".on_public_sightings_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: DELETE on sightings reaches 1 realtime and 0 eventual model(s).
DECLARE
  keys_1 "headwater".birds_VERSION_key[];
BEGIN
  BEGIN
    -- birds_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".birds_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (r.place)::text AS k1, (r.bird)::text AS k2
          FROM (SELECT "bird", "place" FROM hw_old) AS r
        ) AS q
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".birds_VERSION_recompute(keys_1);
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
    -- birds_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".birds_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (r.place)::text AS k1, (r.bird)::text AS k2
          FROM (SELECT "bird", "place" FROM hw_old) AS r
        ) AS q
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".birds_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('birds_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
