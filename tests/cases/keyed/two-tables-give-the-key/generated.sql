-- trigger functions: delete on users

-- voter_kinds: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".voter_kinds_VERSION_full AS
SELECT
  DISTINCT
  v.project_id, u.verified
FROM
  public.votes v
  JOIN public.users u ON u.id = v.user_id;

-- voter_kinds: the stored part of the SELECT
CREATE VIEW "headwater".voter_kinds_VERSION_core AS
SELECT
  DISTINCT
  v.project_id AS project_id, u.verified AS verified
FROM
  public.votes v
  JOIN public.users u ON u.id = v.user_id;

-- voter_kinds: the model table
CREATE TABLE "headwater".voter_kinds_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".voter_kinds_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".voter_kinds_VERSION_key AS (k1 integer, k2 boolean);

-- declared as CREATE UNIQUE INDEX ON voter_kinds (project_id, verified)
CREATE UNIQUE INDEX voter_kinds_index_VERSION ON headwater.voter_kinds_VERSION USING btree (project_id, verified);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".voter_kinds_VERSION_recompute(keys "headwater".voter_kinds_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".voter_kinds_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1, k.k2), 657697022976::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".voter_kinds_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m.project_id OPERATOR(pg_catalog.=) k.k1 AND m."verified" OPERATOR(pg_catalog.=) k.k2
  ORDER BY m.project_id, m."verified"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".voter_kinds_VERSION_core AS c WHERE c.project_id OPERATOR(pg_catalog.=) k.k1 AND c."verified" OPERATOR(pg_catalog.=) k.k2 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".voter_kinds_VERSION AS m USING (
      SELECT k.* FROM pg_catalog.unnest(keys) AS k EXCEPT SELECT f.project_id, f."verified" FROM fresh AS f
    ) AS k
    WHERE m.project_id OPERATOR(pg_catalog.=) k.k1 AND m."verified" OPERATOR(pg_catalog.=) k.k2
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".voter_kinds_VERSION AS m SET project_id = f.project_id, "verified" = f."verified"
    FROM fresh AS f
    WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id AND m."verified" OPERATOR(pg_catalog.=) f."verified"
      AND ROW(m.project_id, m."verified")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f.project_id, f."verified")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".voter_kinds_VERSION (project_id, "verified")
  SELECT f.project_id, f."verified"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".voter_kinds_VERSION AS m WHERE m.project_id OPERATOR(pg_catalog.=) f.project_id AND m."verified" OPERATOR(pg_catalog.=) f."verified")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- delete on users
CREATE OR REPLACE FUNCTION "headwater".on_public_users_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: DELETE on users reaches 1 realtime and 0 eventual model(s).
DECLARE
  keys_1 "headwater".voter_kinds_VERSION_key[];
BEGIN
  BEGIN
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.id)::pg_catalog.int8), 505799106048::pg_catalog.int8 OPERATOR(pg_catalog.+) s.stripe) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (SELECT "id", "verified" FROM hw_old) AS r
      CROSS JOIN pg_catalog.generate_series(0, 7) AS s(stripe)
      WHERE r.id IS NOT NULL
      UNION ALL
      SELECT (pg_catalog.hash_record_extended(ROW((r.id)::pg_catalog.int8), 510596834304::pg_catalog.int8 OPERATOR(pg_catalog.+) s.stripe) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (SELECT "id", "verified" FROM hw_old) AS r
      CROSS JOIN pg_catalog.generate_series(0, 7) AS s(stripe)
      WHERE r.id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
    -- voter_kinds_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".voter_kinds_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (h1.project_id)::integer AS k1, (r.verified)::boolean AS k2
          FROM (SELECT "id", "verified" FROM hw_old) AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."votes" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS h1
          UNION ALL
          SELECT hw_m.project_id AS k1, hw_m."verified" AS k2
          FROM (SELECT "id", "verified" FROM hw_old) AS r
            CROSS JOIN LATERAL (
              SELECT hw_m.* FROM "headwater".voter_kinds_VERSION AS hw_m WHERE hw_m."verified" OPERATOR(pg_catalog.=) r.verified OFFSET 0
            ) AS hw_m
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".voter_kinds_VERSION_recompute(keys_1);
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
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.id)::pg_catalog.int8), 505799106048::pg_catalog.int8 OPERATOR(pg_catalog.+) s.stripe) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (SELECT "id", "verified" FROM hw_old) AS r
      CROSS JOIN pg_catalog.generate_series(0, 7) AS s(stripe)
      WHERE r.id IS NOT NULL
      UNION ALL
      SELECT (pg_catalog.hash_record_extended(ROW((r.id)::pg_catalog.int8), 510596834304::pg_catalog.int8 OPERATOR(pg_catalog.+) s.stripe) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (SELECT "id", "verified" FROM hw_old) AS r
      CROSS JOIN pg_catalog.generate_series(0, 7) AS s(stripe)
      WHERE r.id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('voter_kinds_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- voter_kinds_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1, q.k2)::"headwater".voter_kinds_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1, q.k2 FROM (
          SELECT (h1.project_id)::integer AS k1, (r.verified)::boolean AS k2
          FROM (SELECT "id", "verified" FROM hw_old) AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."votes" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS h1
          UNION ALL
          SELECT hw_m.project_id AS k1, hw_m."verified" AS k2
          FROM (SELECT "id", "verified" FROM hw_old) AS r
            CROSS JOIN LATERAL (
              SELECT hw_m.* FROM "headwater".voter_kinds_VERSION AS hw_m WHERE hw_m."verified" OPERATOR(pg_catalog.=) r.verified OFFSET 0
            ) AS hw_m
        ) AS q
        WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".voter_kinds_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('voter_kinds_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
