-- trigger functions: update on comments

-- last_comments: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".last_comments_VERSION_full AS
SELECT p.id, c.id AS comment_id, c.body, c.name
FROM
  public.projects p
  LEFT JOIN LATERAL (
    SELECT c_1.id, c_1.body, u.name
    FROM
      public.comments c_1
      LEFT JOIN public.users u ON u.id = c_1.user_id
    WHERE
      c_1.project_id = p.id
      AND NOT c_1.deleted
    ORDER BY c_1.created_at DESC, c_1.id DESC, u.id
    LIMIT 1
  ) c ON true;

-- last_comments: the stored part of the SELECT
CREATE VIEW "headwater".last_comments_VERSION_core AS
SELECT p.id AS id, c.id AS comment_id, c.body AS body, c.name AS name
FROM
  public.projects p
  LEFT JOIN LATERAL (
    SELECT c_1.id, c_1.body, u.name
    FROM
      public.comments c_1
      LEFT JOIN public.users u ON u.id = c_1.user_id
    WHERE
      c_1.project_id = p.id
      AND NOT c_1.deleted
    ORDER BY c_1.created_at DESC, c_1.id DESC, u.id
    LIMIT 1
  ) c ON true;

-- last_comments: the model table
CREATE TABLE "headwater".last_comments_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".last_comments_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".last_comments_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON last_comments (id)
CREATE UNIQUE INDEX last_comments_index_VERSION ON headwater.last_comments_VERSION USING btree (id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".last_comments_VERSION_recompute(keys "headwater".last_comments_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".last_comments_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 660210842624::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".last_comments_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".last_comments_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".last_comments_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
  ), altered AS (
    UPDATE "headwater".last_comments_VERSION AS m SET "id" = f."id", comment_id = f.comment_id, "body" = f."body", "name" = f."name"
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m.comment_id, m."body", m."name")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f.comment_id, f."body", f."name")::pg_catalog.record
  )
  INSERT INTO "headwater".last_comments_VERSION ("id", comment_id, "body", "name")
  SELECT f."id", f.comment_id, f."body", f."name"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".last_comments_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id");
END
$hw$;

-- update on comments
CREATE OR REPLACE FUNCTION "headwater".on_public_comments_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: UPDATE on comments reaches 1 model(s).
DECLARE
  keys_1 "headwater".last_comments_VERSION_key[];
BEGIN
  BEGIN
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_new EXCEPT ALL SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    WITH rows_1 AS MATERIALIZED (
      (SELECT project_id, user_id FROM hw_old EXCEPT ALL SELECT project_id, user_id FROM hw_new)
      UNION ALL (SELECT project_id, user_id FROM hw_new EXCEPT ALL SELECT project_id, user_id FROM hw_old)
    )
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.user_id)::pg_catalog.int8), 667846772224::pg_catalog.int8 OPERATOR(pg_catalog.+) (pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.%) 8)) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM rows_1 AS r
      WHERE r.user_id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
    -- last_comments_VERSION: recompute the affected keys.
    WITH hw_rows AS MATERIALIZED (
      (SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_old EXCEPT ALL SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_new)
      UNION ALL (SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_new EXCEPT ALL SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_old)
    )
    SELECT pg_catalog.array_agg(ROW(q.k1)::"headwater".last_comments_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1 FROM (
        SELECT (r.project_id)::integer AS k1
        FROM hw_rows AS r
      ) AS q
      WHERE q.k1 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".last_comments_VERSION_recompute(keys_1);
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
    IF NOT EXISTS (SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_new EXCEPT ALL SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_old) THEN
      RETURN NULL;
    END IF;
    -- Join locks: meet those who change the other side of a join before looking there.
    INSERT INTO headwater.lock AS l (id)
    WITH rows_1 AS MATERIALIZED (
      (SELECT project_id, user_id FROM hw_old EXCEPT ALL SELECT project_id, user_id FROM hw_new)
      UNION ALL (SELECT project_id, user_id FROM hw_new EXCEPT ALL SELECT project_id, user_id FROM hw_old)
    )
    SELECT DISTINCT q.id FROM (
      SELECT (pg_catalog.hash_record_extended(ROW((r.user_id)::pg_catalog.int8), 667846772224::pg_catalog.int8 OPERATOR(pg_catalog.+) (pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.%) 8)) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM rows_1 AS r
      WHERE r.user_id IS NOT NULL
    ) AS q
    ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('last_comments_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- last_comments_VERSION: recompute the affected keys.
    WITH hw_rows AS MATERIALIZED (
      (SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_old EXCEPT ALL SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_new)
      UNION ALL (SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_new EXCEPT ALL SELECT "body", created_at, "deleted", "id", project_id, user_id FROM hw_old)
    )
    SELECT pg_catalog.array_agg(ROW(q.k1)::"headwater".last_comments_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1 FROM (
        SELECT (r.project_id)::integer AS k1
        FROM hw_rows AS r
      ) AS q
      WHERE q.k1 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".last_comments_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('last_comments_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
