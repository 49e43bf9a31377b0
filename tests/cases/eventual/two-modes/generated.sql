-- trigger functions: insert on votes

-- counted: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".counted_VERSION_full AS
SELECT v.project_id, count(*) AS votes
FROM public.votes v
GROUP BY v.project_id;

-- counted: the stored part of the SELECT
CREATE VIEW "headwater".counted_VERSION_core AS
SELECT v.project_id AS project_id, count(*) AS votes
FROM public.votes v
GROUP BY v.project_id;

-- counted: the model table
CREATE TABLE "headwater".counted_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".counted_VERSION_core
WITH NO DATA;

-- when a statement recomputed the row, so that the same statement's arithmetic leaves it alone
ALTER TABLE "headwater".counted_VERSION ADD COLUMN hw_mark timestamptz;

-- the key's columns
CREATE TYPE "headwater".counted_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON counted (project_id)
CREATE UNIQUE INDEX counted_index_VERSION ON headwater.counted_VERSION USING btree (project_id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".counted_VERSION_recompute(keys "headwater".counted_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".counted_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 261916789248::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".counted_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m.project_id OPERATOR(pg_catalog.=) k.k1
  ORDER BY m.project_id
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".counted_VERSION_core AS c WHERE c.project_id OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".counted_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m.project_id OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.project_id OPERATOR(pg_catalog.=) m.project_id)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".counted_VERSION AS m SET project_id = f.project_id, "votes" = f."votes", hw_mark = pg_catalog.statement_timestamp()
    FROM fresh AS f
    WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id
      AND (ROW(m.project_id, m."votes")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f.project_id, f."votes")::pg_catalog.record OR m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp())
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".counted_VERSION (project_id, "votes", hw_mark)
  SELECT f.project_id, f."votes", pg_catalog.statement_timestamp()
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".counted_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id)
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- voters: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".voters_VERSION_full AS
SELECT v.user_id, count(*) AS votes
FROM public.votes v
WHERE v.up
GROUP BY v.user_id;

-- voters: the stored part of the SELECT
CREATE VIEW "headwater".voters_VERSION_core AS
SELECT v.user_id AS user_id, count(*) AS votes
FROM public.votes v
WHERE v.up
GROUP BY v.user_id;

-- voters: the model table
CREATE TABLE "headwater".voters_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".voters_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".voters_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON voters (user_id)
CREATE UNIQUE INDEX voters_index_VERSION ON headwater.voters_VERSION USING btree (user_id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".voters_VERSION_recompute(keys "headwater".voters_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".voters_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".voters_VERSION_core AS c WHERE c.user_id OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".voters_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m.user_id OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.user_id OPERATOR(pg_catalog.=) m.user_id)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".voters_VERSION AS m SET user_id = f.user_id, "votes" = f."votes"
    FROM fresh AS f
    WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m.user_id, m."votes")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f.user_id, f."votes")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".voters_VERSION (user_id, "votes")
  SELECT f.user_id, f."votes"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".voters_VERSION AS m WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id)
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".voters_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".voters_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".voters_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".voters_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f.user_id OPERATOR(pg_catalog.=) m.user_id) RETURNING 1
  ), altered AS (
    UPDATE "headwater".voters_VERSION AS m SET user_id = f.user_id, "votes" = f."votes"
    FROM fresh AS f
    WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id
      AND ROW(m.user_id, m."votes")::record OPERATOR(pg_catalog.*<>) ROW(f.user_id, f."votes")::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".voters_VERSION (user_id, "votes")
    SELECT f.user_id, f."votes" FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".voters_VERSION AS m WHERE m.user_id OPERATOR(pg_catalog.=) f.user_id)
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- weighed: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".weighed_VERSION_full AS
SELECT v.project_id, sum(v.weight) AS weight
FROM public.votes v
GROUP BY v.project_id;

-- weighed: the stored part of the SELECT
CREATE VIEW "headwater".weighed_VERSION_core AS
SELECT
  v.project_id AS project_id, sum(v.weight) AS weight, count(*) AS hw_s1, COALESCE(sum(v.weight), 0) AS hw_s2,
  count(v.weight) AS hw_s3
FROM public.votes v
GROUP BY v.project_id;

-- weighed: the model table
CREATE TABLE "headwater".weighed_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".weighed_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".weighed_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON weighed (project_id)
CREATE UNIQUE INDEX weighed_index_VERSION ON headwater.weighed_VERSION USING btree (project_id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".weighed_VERSION_recompute(keys "headwater".weighed_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET enable_seqscan TO 'off'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".weighed_VERSION: recomputes the rows with these keys.
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".weighed_VERSION_core AS c WHERE c.project_id OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".weighed_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m.project_id OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.project_id OPERATOR(pg_catalog.=) m.project_id)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".weighed_VERSION AS m SET project_id = f.project_id, "weight" = f."weight", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_s3 = f.hw_s3
    FROM fresh AS f
    WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id
      AND ROW(m.project_id, m."weight", m.hw_s1, m.hw_s2, m.hw_s3)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f.project_id, f."weight", f.hw_s1, f.hw_s2, f.hw_s3)::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".weighed_VERSION (project_id, "weight", hw_s1, hw_s2, hw_s3)
  SELECT f.project_id, f."weight", f.hw_s1, f.hw_s2, f.hw_s3
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".weighed_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id)
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- computes everything and writes what differs
CREATE OR REPLACE FUNCTION "headwater".weighed_VERSION_rebuild() RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'on'
  SET enable_hashjoin TO 'on'
  SET enable_mergejoin TO 'on'
  SET plan_cache_mode TO 'force_custom_plan'
  SET jit TO 'off'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".weighed_VERSION: computes everything and writes what differs; gives how many rows.
DECLARE
  hw_written bigint;
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT * FROM "headwater".weighed_VERSION_core
  ), gone AS (
    DELETE FROM "headwater".weighed_VERSION AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE f.project_id OPERATOR(pg_catalog.=) m.project_id) RETURNING 1
  ), altered AS (
    UPDATE "headwater".weighed_VERSION AS m SET project_id = f.project_id, "weight" = f."weight", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_s3 = f.hw_s3
    FROM fresh AS f
    WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id
      AND ROW(m.project_id, m."weight", m.hw_s1, m.hw_s2, m.hw_s3)::record OPERATOR(pg_catalog.*<>) ROW(f.project_id, f."weight", f.hw_s1, f.hw_s2, f.hw_s3)::record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  ), added AS (
    INSERT INTO "headwater".weighed_VERSION (project_id, "weight", hw_s1, hw_s2, hw_s3)
    SELECT f.project_id, f."weight", f.hw_s1, f.hw_s2, f.hw_s3 FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM "headwater".weighed_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id)
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
      AND (SELECT count(*) FROM altered) >= 0
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM altered) + (SELECT count(*) FROM added) INTO hw_written;
  RETURN hw_written;
END
$hw$;

-- the change queue of votes
CREATE TABLE IF NOT EXISTS "headwater".queue_public_votes_8845d06d (hw_sign smallint NOT NULL, hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), project_id integer, user_id integer, "up" boolean, "weight" numeric(8,2)) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

-- finds what became visible since the last batch
CREATE INDEX IF NOT EXISTS queue_public_votes_8845d06d_xid ON "headwater".queue_public_votes_8845d06d (hw_xid);

-- writers reach it through trigger functions
REVOKE ALL ON "headwater".queue_public_votes_8845d06d FROM PUBLIC;

-- voters: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".voters_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".voters_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".voters_VERSION_key[];
  hw_more "headwater".voters_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."votes"']::text[] THEN
    RETURN "headwater".voters_VERSION_rebuild();
  END IF;
  IF '"public"."votes"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid = ANY (hw_also)
    ), g AS MATERIALIZED (
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0
        FROM (
          SELECT t.user_id AS k1, t.hw_sign AS s0
          FROM hw_queue AS t
          WHERE t.user_id IS NOT NULL AND (t.up)
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0
    ), u AS (
      UPDATE "headwater".voters_VERSION AS m SET
        "votes" = m."votes" OPERATOR(pg_catalog.+) g.d0
      FROM g
      WHERE m.user_id OPERATOR(pg_catalog.=) g.k1
        AND m."votes" OPERATOR(pg_catalog.+) g.d0 OPERATOR(pg_catalog.>) 0
      RETURNING m.user_id::integer AS k1
    )
    SELECT array_agg(ROW(q.k1)::"headwater".voters_VERSION_key) INTO hw_more
    FROM (SELECT g.k1::integer AS k1 FROM g EXCEPT SELECT u.k1::integer AS k1 FROM u) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".voters_VERSION'::regclass
  ) THEN
    PERFORM "headwater".voters_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".voters_VERSION_recompute(hw_keys);
  END IF;
  RETURN coalesce(cardinality(hw_keys), 0);
END
$hw$;

-- weighed: its part of a batch
CREATE OR REPLACE FUNCTION "headwater".weighed_VERSION_step(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql
  SET search_path TO 'pg_catalog'
  SET enable_seqscan TO 'off'
  SET enable_hashjoin TO 'off'
  SET enable_mergejoin TO 'off'
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_column
-- Headwater, "headwater".weighed_VERSION: brings it from one snapshot to the next; gives how many keys were recomputed.
DECLARE
  hw_keys "headwater".weighed_VERSION_key[];
  hw_more "headwater".weighed_VERSION_key[];
BEGIN
  IF hw_truncated && ARRAY['"public"."votes"']::text[] THEN
    RETURN "headwater".weighed_VERSION_rebuild();
  END IF;
  IF '"public"."votes"' = ANY (hw_changed) THEN
    WITH hw_queue AS MATERIALIZED (
      SELECT q.* FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until
      UNION ALL
      SELECT q.* FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid = ANY (hw_also)
    ), g AS MATERIALIZED (
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.numeric AS d1, pg_catalog.sum(r.s2)::pg_catalog.int8 AS d2
        FROM (
          SELECT t.project_id AS k1, t.hw_sign AS s0, CASE WHEN t.weight IS NOT NULL THEN (t.weight)::pg_catalog.numeric OPERATOR(pg_catalog.*) t.hw_sign ELSE 0 END AS s1, CASE WHEN t.weight IS NOT NULL THEN t.hw_sign ELSE 0 END AS s2
          FROM hw_queue AS t
          WHERE t.project_id IS NOT NULL
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0 OR g.d2 OPERATOR(pg_catalog.<>) 0
    ), u AS (
      UPDATE "headwater".weighed_VERSION AS m SET
        hw_s1 = m.hw_s1 OPERATOR(pg_catalog.+) g.d0,
        hw_s2 = m.hw_s2 OPERATOR(pg_catalog.+) g.d1,
        hw_s3 = m.hw_s3 OPERATOR(pg_catalog.+) g.d2,
        "weight" = CASE WHEN m.hw_s3 OPERATOR(pg_catalog.+) g.d2 OPERATOR(pg_catalog.>) 0 THEN m.hw_s2 OPERATOR(pg_catalog.+) g.d1 END
      FROM g
      WHERE m.project_id OPERATOR(pg_catalog.=) g.k1
        AND (m.hw_s2 OPERATOR(pg_catalog.+) g.d1)::pg_catalog.text OPERATOR(pg_catalog.<>) ALL (ARRAY['NaN', 'Infinity', '-Infinity']::pg_catalog.text[])
        AND m.hw_s1 OPERATOR(pg_catalog.+) g.d0 OPERATOR(pg_catalog.>) 0
      RETURNING m.project_id::integer AS k1
    )
    SELECT array_agg(ROW(q.k1)::"headwater".weighed_VERSION_key) INTO hw_more
    FROM (SELECT g.k1::integer AS k1 FROM g EXCEPT SELECT u.k1::integer AS k1 FROM u) AS q;
    hw_keys := hw_keys || hw_more;
  END IF;
  IF cardinality(hw_keys) >= 1000 AND cardinality(hw_keys) * 4 > (
    SELECT c.reltuples FROM pg_class AS c WHERE c.oid = '"headwater".weighed_VERSION'::regclass
  ) THEN
    PERFORM "headwater".weighed_VERSION_rebuild();
  ELSIF hw_keys IS NOT NULL THEN
    PERFORM "headwater".weighed_VERSION_recompute(hw_keys);
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
    WHEN 'voters_VERSION' THEN
      RETURN "headwater".voters_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
    WHEN 'weighed_VERSION' THEN
      RETURN "headwater".weighed_VERSION_step(hw_changed, hw_truncated, hw_since, hw_until, hw_also);
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
    SELECT '"public"."votes"' WHERE (EXISTS (SELECT FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until) OR EXISTS (SELECT FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid = ANY (hw_also)))
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
  IF '"public"."votes"' = ANY (hw_changed) THEN
    DELETE FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    DELETE FROM "headwater".queue_public_votes_8845d06d AS q WHERE q.hw_xid = ANY (hw_also);
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
  END IF;
  RETURN taken;
END
$hw$;

-- insert on votes
CREATE OR REPLACE FUNCTION "headwater".on_public_votes_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: INSERT on votes reaches 1 realtime and 2 eventual model(s).
DECLARE
  hw_several boolean;
  hw_one boolean;
  hw_row record;
  row_1 record;
  keys_1 "headwater".counted_VERSION_key[];
BEGIN
  BEGIN
    hw_one := false;
    hw_several := EXISTS (SELECT FROM hw_new OFFSET 1);
    IF NOT hw_several THEN
      SELECT n.* INTO hw_row FROM hw_new AS n;
      hw_one := FOUND;
    END IF;
    -- counted_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_one THEN
      IF hw_row.project_id IS NOT NULL THEN
        UPDATE "headwater".counted_VERSION AS m SET
          "votes" = m."votes" OPERATOR(pg_catalog.+) (1)
        WHERE m.project_id OPERATOR(pg_catalog.=) (hw_row.project_id)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := ARRAY[ROW((hw_row.project_id)::integer)::"headwater".counted_VERSION_key];
        END IF;
      END IF;
    ELSIF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 261916789248::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0
          FROM (
            SELECT t.project_id AS k1, 1 AS s0
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".counted_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) q.k1)
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
      FOR row_1 IN
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0
          FROM (
            SELECT t.project_id AS k1, 1 AS s0
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0
        ORDER BY 1
      LOOP
        UPDATE "headwater".counted_VERSION AS m SET
          "votes" = m."votes" OPERATOR(pg_catalog.+) row_1.d0
        WHERE m.project_id OPERATOR(pg_catalog.=) row_1.k1
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".counted_VERSION_key;
        END IF;
      END LOOP;
    END IF;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".counted_VERSION_recompute(keys_1);
    END IF;
    -- The change queue of the eventual models.
    INSERT INTO "headwater".queue_public_votes_8845d06d (hw_sign, project_id, user_id, "up", "weight")
    SELECT 1, project_id, user_id, "up", "weight" FROM hw_new;
    RETURN NULL;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
        RAISE;
    WHEN OTHERS THEN
      NULL;
  END;
  -- Something failed: find out which model, and let the writer and the other models go on.
  BEGIN
    hw_one := false;
    hw_several := EXISTS (SELECT FROM hw_new OFFSET 1);
    IF NOT hw_several THEN
      SELECT n.* INTO hw_row FROM hw_new AS n;
      hw_one := FOUND;
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('counted_VERSION', SQLSTATE, SQLERRM);
      PERFORM headwater.mark_broken('voters_VERSION', SQLSTATE, SQLERRM);
      PERFORM headwater.mark_broken('weighed_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- counted_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_one THEN
      IF hw_row.project_id IS NOT NULL THEN
        UPDATE "headwater".counted_VERSION AS m SET
          "votes" = m."votes" OPERATOR(pg_catalog.+) (1)
        WHERE m.project_id OPERATOR(pg_catalog.=) (hw_row.project_id)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := ARRAY[ROW((hw_row.project_id)::integer)::"headwater".counted_VERSION_key];
        END IF;
      END IF;
    ELSIF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 261916789248::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0
          FROM (
            SELECT t.project_id AS k1, 1 AS s0
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".counted_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) q.k1)
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
      FOR row_1 IN
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0
          FROM (
            SELECT t.project_id AS k1, 1 AS s0
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0
        ORDER BY 1
      LOOP
        UPDATE "headwater".counted_VERSION AS m SET
          "votes" = m."votes" OPERATOR(pg_catalog.+) row_1.d0
        WHERE m.project_id OPERATOR(pg_catalog.=) row_1.k1
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".counted_VERSION_key;
        END IF;
      END LOOP;
    END IF;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".counted_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('counted_VERSION', SQLSTATE, SQLERRM);
  END;
  BEGIN
    -- The change queue of the eventual models.
    INSERT INTO "headwater".queue_public_votes_8845d06d (hw_sign, project_id, user_id, "up", "weight")
    SELECT 1, project_id, user_id, "up", "weight" FROM hw_new;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('voters_VERSION', SQLSTATE, SQLERRM);
      PERFORM headwater.mark_broken('weighed_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
