-- trigger functions: update on sightings

-- birds: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".birds_VERSION_full AS
SELECT s.place, s.bird
FROM public.sightings s
WHERE s.bird IS NOT NULL;

-- birds: the stored part of the SELECT
CREATE VIEW "headwater".birds_VERSION_core AS
SELECT s.place AS place, s.bird AS bird
FROM public.sightings s
WHERE s.bird IS NOT NULL;

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
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".birds_VERSION: recomputes the rows with these keys.
BEGIN
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

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".birds_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".birds_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".birds_VERSION_core
  ), differing AS MATERIALIZED (
    SELECT k FROM (SELECT ROW(x."place", x."bird")::text AS k, array_agg(ROW(x."place", x."bird")::text ORDER BY ROW(x."place", x."bird")::text) AS r FROM fresh AS x GROUP BY 1) AS n FULL JOIN (SELECT ROW(x."place", x."bird")::text AS k, array_agg(ROW(x."place", x."bird")::text ORDER BY ROW(x."place", x."bird")::text) AS r FROM "headwater".birds_VERSION AS x GROUP BY 1) AS o USING (k)
    WHERE n.r IS DISTINCT FROM o.r
  ), gone AS (
    DELETE FROM "headwater".birds_VERSION AS m USING differing AS d WHERE ROW(m."place", m."bird")::text = d.k RETURNING 1
  ), added AS (
    INSERT INTO "headwater".birds_VERSION ("place", "bird")
    SELECT f."place", f."bird" FROM fresh AS f JOIN differing AS d ON ROW(f."place", f."bird")::text = d.k
    WHERE (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of sightings
CREATE TABLE IF NOT EXISTS "headwater".queue_public_sightings_e4ea67bc (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), "place" text, "bird" text) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_sightings_e4ea67bc_xid ON "headwater".queue_public_sightings_e4ea67bc (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_sightings_e4ea67bc FROM PUBLIC;

-- birds: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".birds_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".birds_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".birds_VERSION_key[];
  hw_more "headwater".birds_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."sightings"']::text[] THEN
    RETURN "headwater".birds_VERSION_rebuild();
  END IF;
  IF '"public"."sightings"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_sightings_e4ea67bc AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_sightings_e4ea67bc AS q WHERE q.hw_xid = ANY (hw_also)
    ), hw_rows AS MATERIALIZED (
      SELECT "bird", "place" FROM hw_queue
      GROUP BY 1, 2
      HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0
    )
    SELECT array_agg(q.key) INTO hw_more FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".birds_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (r.place)::text AS k1, (r.bird)::text AS k2
          FROM hw_rows AS r
        ) AS q
      ) AS q
    ) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".birds_VERSION'::regclass
  ) THEN
    PERFORM "headwater".birds_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".birds_VERSION_recompute(hw_keys);
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
    WHEN 'birds_VERSION' THEN
      RETURN "headwater".birds_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."sightings"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_sightings_e4ea67bc AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_sightings_e4ea67bc AS q WHERE q.hw_xid = ANY (hw_also)))
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
  IF '"public"."sightings"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_sightings_e4ea67bc AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_sightings_e4ea67bc AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;

-- update on sightings
CREATE OR REPLACE FUNCTION "headwater".on_public_sightings_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: UPDATE on sightings reaches 0 realtime and 1 eventual model(s).
DECLARE

BEGIN
  BEGIN
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT "bird", "place" FROM hw_new EXCEPT ALL SELECT "bird", "place" FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- The change queue of the eventual models.
    INSERT INTO "headwater".queue_public_sightings_e4ea67bc (hw_sign, "place", "bird")
    SELECT 1, "place", "bird" FROM (SELECT "place", "bird" FROM hw_new EXCEPT ALL SELECT "place", "bird" FROM hw_old) AS n
    UNION ALL
    SELECT -1, "place", "bird" FROM (SELECT "place", "bird" FROM hw_old EXCEPT ALL SELECT "place", "bird" FROM hw_new) AS o;
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
    IF NOT EXISTS (SELECT "bird", "place" FROM hw_new EXCEPT ALL SELECT "bird", "place" FROM hw_old) THEN
      RETURN NULL;
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('birds_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- The change queue of the eventual models.
    INSERT INTO "headwater".queue_public_sightings_e4ea67bc (hw_sign, "place", "bird")
    SELECT 1, "place", "bird" FROM (SELECT "place", "bird" FROM hw_new EXCEPT ALL SELECT "place", "bird" FROM hw_old) AS n
    UNION ALL
    SELECT -1, "place", "bird" FROM (SELECT "place", "bird" FROM hw_old EXCEPT ALL SELECT "place", "bird" FROM hw_new) AS o;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('birds_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
