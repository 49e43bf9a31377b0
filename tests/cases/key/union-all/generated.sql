-- trigger functions: update on users

-- search: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".search_VERSION_full AS
SELECT 'project'::text AS kind, p.id, p.title AS label, u.name AS owner
FROM
  public.projects p
  JOIN public.users u ON u.id = p.user_id
UNION ALL
SELECT 'user'::text AS kind, u.id, u.name AS label, NULL::text AS owner
FROM public.users u
WHERE u.verified;

-- search: the stored part of the SELECT
CREATE VIEW "headwater".search_VERSION_core AS
SELECT 'project'::text AS kind, p.id, p.title AS label, u.name AS owner
FROM
  public.projects p
  JOIN public.users u ON u.id = p.user_id
UNION ALL
SELECT 'user'::text AS kind, u.id, u.name AS label, NULL::text AS owner
FROM public.users u
WHERE u.verified;

-- search: the model table
CREATE TABLE "headwater".search_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".search_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".search_VERSION_key AS (k1 text, k2 integer);

-- declared as CREATE UNIQUE INDEX ON search (kind, id)
CREATE UNIQUE INDEX search_index_VERSION ON headwater.search_VERSION USING btree (kind, id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".search_VERSION_recompute(keys "headwater".search_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".search_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1, k.k2), 117241694976::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".search_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."kind" OPERATOR(pg_catalog.=) k.k1 AND m."id" OPERATOR(pg_catalog.=) k.k2
  ORDER BY m."kind", m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".search_VERSION_core AS c WHERE c."kind" OPERATOR(pg_catalog.=) k.k1 AND c."id" OPERATOR(pg_catalog.=) k.k2 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".search_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."kind" OPERATOR(pg_catalog.=) k.k1 AND m."id" OPERATOR(pg_catalog.=) k.k2
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."kind" OPERATOR(pg_catalog.=) m."kind" AND f."id" OPERATOR(pg_catalog.=) m."id")
  ), altered AS (
    UPDATE "headwater".search_VERSION AS m SET "kind" = f."kind", "id" = f."id", "label" = f."label", "owner" = f."owner"
    FROM fresh AS f
    WHERE m."kind" OPERATOR(pg_catalog.=) f."kind" AND m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."kind", m."id", m."label", m."owner")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."kind", f."id", f."label", f."owner")::pg_catalog.record
  )
  INSERT INTO "headwater".search_VERSION ("kind", "id", "label", "owner")
  SELECT f."kind", f."id", f."label", f."owner"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".search_VERSION AS m WHERE m."kind" OPERATOR(pg_catalog.=) f."kind" AND m."id" OPERATOR(pg_catalog.=) f."id");
END
$hw$;

-- update on users
CREATE OR REPLACE FUNCTION "headwater".on_public_users_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: UPDATE on users reaches 1 model(s).
DECLARE
  keys_1 "headwater".search_VERSION_key[];
BEGIN
  BEGIN
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT "id", "name", "verified" FROM hw_new EXCEPT ALL SELECT "id", "name", "verified" FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    WITH rows_1 AS MATERIALIZED (
      (SELECT "id", "name", "verified" FROM hw_old EXCEPT ALL SELECT "id", "name", "verified" FROM hw_new)
      UNION ALL (SELECT "id", "name", "verified" FROM hw_new EXCEPT ALL SELECT "id", "name", "verified" FROM hw_old)
    )
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.id)::pg_catalog.int8), 462920335360::pg_catalog.int8 OPERATOR(pg_catalog.+) s.stripe) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM rows_1 AS r
      CROSS JOIN pg_catalog.generate_series(0, 7) AS s(stripe)
      WHERE r.id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
    -- search_VERSION: recompute the affected keys.
    WITH hw_rows AS MATERIALIZED (
      (SELECT "id", "name", "verified" FROM hw_old EXCEPT ALL SELECT "id", "name", "verified" FROM hw_new)
      UNION ALL (SELECT "id", "name", "verified" FROM hw_new EXCEPT ALL SELECT "id", "name", "verified" FROM hw_old)
    )
    SELECT pg_catalog.array_agg(ROW(q.k1, q.k2)::"headwater".search_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1, q.k2 FROM (
        SELECT ('project'::pg_catalog.text)::text AS k1, (h1.id)::integer AS k2
        FROM hw_rows AS r
          CROSS JOIN LATERAL (
            SELECT h1.* FROM "public"."projects" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
          ) AS h1
        UNION ALL
        SELECT ('user'::pg_catalog.text)::text AS k1, (r.id)::integer AS k2
        FROM hw_rows AS r
      ) AS q
      WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".search_VERSION_recompute(keys_1);
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
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT "id", "name", "verified" FROM hw_new EXCEPT ALL SELECT "id", "name", "verified" FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    WITH rows_1 AS MATERIALIZED (
      (SELECT "id", "name", "verified" FROM hw_old EXCEPT ALL SELECT "id", "name", "verified" FROM hw_new)
      UNION ALL (SELECT "id", "name", "verified" FROM hw_new EXCEPT ALL SELECT "id", "name", "verified" FROM hw_old)
    )
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.id)::pg_catalog.int8), 462920335360::pg_catalog.int8 OPERATOR(pg_catalog.+) s.stripe) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM rows_1 AS r
      CROSS JOIN pg_catalog.generate_series(0, 7) AS s(stripe)
      WHERE r.id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('search_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- search_VERSION: recompute the affected keys.
    WITH hw_rows AS MATERIALIZED (
      (SELECT "id", "name", "verified" FROM hw_old EXCEPT ALL SELECT "id", "name", "verified" FROM hw_new)
      UNION ALL (SELECT "id", "name", "verified" FROM hw_new EXCEPT ALL SELECT "id", "name", "verified" FROM hw_old)
    )
    SELECT pg_catalog.array_agg(ROW(q.k1, q.k2)::"headwater".search_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1, q.k2 FROM (
        SELECT ('project'::pg_catalog.text)::text AS k1, (h1.id)::integer AS k2
        FROM hw_rows AS r
          CROSS JOIN LATERAL (
            SELECT h1.* FROM "public"."projects" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
          ) AS h1
        UNION ALL
        SELECT ('user'::pg_catalog.text)::text AS k1, (r.id)::integer AS k2
        FROM hw_rows AS r
      ) AS q
      WHERE q.k1 IS NOT NULL AND q.k2 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".search_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('search_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
