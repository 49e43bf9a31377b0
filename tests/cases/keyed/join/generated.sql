-- trigger functions: update on users, insert on projects

-- project_cards: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".project_cards_VERSION_full AS
SELECT p.id, p.title, u.name AS author
FROM
  public.projects p
  JOIN public.users u ON u.id = p.user_id
WHERE NOT p.deleted;

-- project_cards: the stored part of the SELECT
CREATE VIEW "headwater".project_cards_VERSION_core AS
SELECT p.id AS id, p.title AS title, u.name AS author
FROM
  public.projects p
  JOIN public.users u ON u.id = p.user_id
WHERE NOT p.deleted;

-- project_cards: the model table
CREATE TABLE "headwater".project_cards_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".project_cards_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".project_cards_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON project_cards (id)
CREATE UNIQUE INDEX project_cards_index_VERSION ON headwater.project_cards_VERSION USING btree (id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".project_cards_VERSION_recompute(keys "headwater".project_cards_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".project_cards_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 672636744960::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".project_cards_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".project_cards_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".project_cards_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".project_cards_VERSION AS m SET "id" = f."id", "title" = f."title", "author" = f."author"
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."title", m."author")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f."author")::pg_catalog.record
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".project_cards_VERSION ("id", "title", "author")
  SELECT f."id", f."title", f."author"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".project_cards_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- update on users
CREATE OR REPLACE FUNCTION "headwater".on_public_users_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: UPDATE on users reaches 1 realtime and 0 eventual model(s).
DECLARE
  keys_1 "headwater".project_cards_VERSION_key[];
BEGIN
  BEGIN
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT "id", "name" FROM hw_new EXCEPT ALL SELECT "id", "name" FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    WITH rows_1 AS MATERIALIZED (
      (SELECT "id", "name" FROM hw_old EXCEPT ALL SELECT "id", "name" FROM hw_new)
      UNION ALL (SELECT "id", "name" FROM hw_new EXCEPT ALL SELECT "id", "name" FROM hw_old)
    )
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.id)::pg_catalog.int8), 462920335360::pg_catalog.int8 OPERATOR(pg_catalog.+) s.stripe) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM rows_1 AS r
      CROSS JOIN pg_catalog.generate_series(0, 7) AS s(stripe)
      WHERE r.id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
    -- project_cards_VERSION: recompute the affected keys.
    WITH hw_rows AS MATERIALIZED (
      (SELECT "id", "name" FROM hw_old EXCEPT ALL SELECT "id", "name" FROM hw_new)
      UNION ALL (SELECT "id", "name" FROM hw_new EXCEPT ALL SELECT "id", "name" FROM hw_old)
    )
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".project_cards_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (h1.id)::integer AS k1
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."projects" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS h1
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_cards_VERSION_recompute(keys_1);
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
    IF NOT EXISTS (SELECT "id", "name" FROM hw_new EXCEPT ALL SELECT "id", "name" FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    WITH rows_1 AS MATERIALIZED (
      (SELECT "id", "name" FROM hw_old EXCEPT ALL SELECT "id", "name" FROM hw_new)
      UNION ALL (SELECT "id", "name" FROM hw_new EXCEPT ALL SELECT "id", "name" FROM hw_old)
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
      PERFORM headwater.mark_broken('project_cards_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- project_cards_VERSION: recompute the affected keys.
    WITH hw_rows AS MATERIALIZED (
      (SELECT "id", "name" FROM hw_old EXCEPT ALL SELECT "id", "name" FROM hw_new)
      UNION ALL (SELECT "id", "name" FROM hw_new EXCEPT ALL SELECT "id", "name" FROM hw_old)
    )
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".project_cards_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (h1.id)::integer AS k1
          FROM hw_rows AS r
            CROSS JOIN LATERAL (
              SELECT h1.* FROM "public"."projects" AS h1 WHERE h1.user_id OPERATOR(pg_catalog.=) r.id OFFSET 0
            ) AS h1
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_cards_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_cards_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;

-- insert on projects
CREATE OR REPLACE FUNCTION "headwater".on_public_projects_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: INSERT on projects reaches 1 realtime and 0 eventual model(s).
DECLARE
  keys_1 "headwater".project_cards_VERSION_key[];
BEGIN
  BEGIN
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.user_id)::pg_catalog.int8), 462920335360::pg_catalog.int8 OPERATOR(pg_catalog.+) (pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.%) 8)) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (SELECT "id", user_id FROM hw_new) AS r
      WHERE r.user_id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
    -- project_cards_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".project_cards_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (r.id)::integer AS k1
          FROM (SELECT "deleted", "id", "title", user_id FROM hw_new) AS r
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_cards_VERSION_recompute(keys_1);
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
      SELECT (pg_catalog.hash_record_extended(ROW((r.user_id)::pg_catalog.int8), 462920335360::pg_catalog.int8 OPERATOR(pg_catalog.+) (pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.%) 8)) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (SELECT "id", user_id FROM hw_new) AS r
      WHERE r.user_id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_cards_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- project_cards_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(q.key) INTO keys_1
    FROM (
      SELECT ROW(q.k1)::"headwater".project_cards_VERSION_key AS key
      FROM (
        SELECT DISTINCT q.k1 FROM (
          SELECT (r.id)::integer AS k1
          FROM (SELECT "deleted", "id", "title", user_id FROM hw_new) AS r
        ) AS q
        WHERE q.k1 IS NOT NULL
      ) AS q
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_cards_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_cards_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
