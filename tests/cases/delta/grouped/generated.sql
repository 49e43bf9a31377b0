-- trigger functions: insert on projects

-- category_scores: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".category_scores_VERSION_full AS
SELECT
  p.category, count(*) AS projects, count(*) FILTER (WHERE p.deleted) AS deleted, sum(p.score) AS score,
  avg(p.score) AS mean, max(p.score) AS best
FROM public.projects p
GROUP BY p.category;

-- category_scores: the stored part of the SELECT
CREATE VIEW "headwater".category_scores_VERSION_core AS
SELECT
  p.category AS category, count(*) AS projects, count(*) FILTER (WHERE p.deleted) AS deleted,
  sum(p.score) AS score, avg(p.score) AS mean, max(p.score) AS best, COALESCE(sum(p.score), 0) AS hw_s1,
  count(p.score) AS hw_s2
FROM public.projects p
GROUP BY p.category;

-- category_scores: the model table
CREATE TABLE "headwater".category_scores_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".category_scores_VERSION_core
WITH NO DATA;

-- when a statement recomputed the row, so that the same statement's arithmetic leaves it alone
ALTER TABLE "headwater".category_scores_VERSION ADD COLUMN hw_mark timestamptz;

-- the key's columns
CREATE TYPE "headwater".category_scores_VERSION_key AS (k1 text);

-- finds a row by its key
CREATE UNIQUE INDEX category_scores_key_VERSION ON "headwater".category_scores_VERSION ("category") NULLS NOT DISTINCT;

-- declared as CREATE UNIQUE INDEX ON category_scores (category)
CREATE UNIQUE INDEX category_scores_index_VERSION ON headwater.category_scores_VERSION USING btree (category);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".category_scores_VERSION_recompute(keys "headwater".category_scores_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".category_scores_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 451977536000::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".category_scores_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE (m."category" OPERATOR(pg_catalog.=) k.k1 OR m."category" IS NULL AND k.k1 IS NULL)
  ORDER BY m."category"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".category_scores_VERSION_core AS c WHERE (c."category" OPERATOR(pg_catalog.=) k.k1 OR c."category" IS NULL AND k.k1 IS NULL) OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".category_scores_VERSION AS m USING (
      SELECT k.* FROM pg_catalog.unnest(keys) AS k EXCEPT SELECT f."category" FROM fresh AS f
    ) AS k
    WHERE (m."category" OPERATOR(pg_catalog.=) k.k1 OR m."category" IS NULL AND k.k1 IS NULL)
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".category_scores_VERSION AS m SET "category" = f."category", "projects" = f."projects", "deleted" = f."deleted", "score" = f."score", "mean" = f."mean", "best" = f."best", hw_s1 = f.hw_s1, hw_s2 = f.hw_s2, hw_mark = pg_catalog.statement_timestamp()
    FROM fresh AS f
    WHERE (m."category" OPERATOR(pg_catalog.=) f."category" OR m."category" IS NULL AND f."category" IS NULL)
      AND (ROW(m."category", m."projects", m."deleted", m."score", m."mean", m."best", m.hw_s1, m.hw_s2)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."category", f."projects", f."deleted", f."score", f."mean", f."best", f.hw_s1, f.hw_s2)::pg_catalog.record OR m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp())
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".category_scores_VERSION ("category", "projects", "deleted", "score", "mean", "best", hw_s1, hw_s2, hw_mark)
  SELECT f."category", f."projects", f."deleted", f."score", f."mean", f."best", f.hw_s1, f.hw_s2, pg_catalog.statement_timestamp()
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".category_scores_VERSION AS m WHERE (m."category" OPERATOR(pg_catalog.=) f."category" OR m."category" IS NULL AND f."category" IS NULL))
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
  hw_several boolean;
  hw_one boolean;
  hw_row record;
  row_1 record;
  keys_1 "headwater".category_scores_VERSION_key[];
BEGIN
  BEGIN
    hw_one := false;
    hw_several := EXISTS (SELECT FROM hw_new OFFSET 1);
    IF NOT hw_several THEN
      SELECT n.* INTO hw_row FROM hw_new AS n;
      hw_one := FOUND;
    END IF;
    -- category_scores_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_one THEN
      IF true THEN
        UPDATE "headwater".category_scores_VERSION AS m SET
          "projects" = m."projects" OPERATOR(pg_catalog.+) (1),
          "deleted" = m."deleted" OPERATOR(pg_catalog.+) (CASE WHEN hw_row.deleted THEN 1 ELSE 0 END),
          hw_s1 = m.hw_s1 OPERATOR(pg_catalog.+) (CASE WHEN hw_row.score IS NOT NULL THEN (hw_row.score)::pg_catalog.int8 OPERATOR(pg_catalog.*) 1 ELSE 0 END),
          hw_s2 = m.hw_s2 OPERATOR(pg_catalog.+) (CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END),
          "best" = GREATEST(m."best", (CASE WHEN hw_row.score IS NOT NULL THEN hw_row.score ELSE NULL END)),
          "score" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END OPERATOR(pg_catalog.>) 0 THEN m.hw_s1 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN hw_row.score::bigint OPERATOR(pg_catalog.*) 1 ELSE 0 END END,
          "mean" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END OPERATOR(pg_catalog.>) 0 THEN (m.hw_s1 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN hw_row.score::bigint OPERATOR(pg_catalog.*) 1 ELSE 0 END)::numeric OPERATOR(pg_catalog./) (m.hw_s2 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END) END
        WHERE (m."category" OPERATOR(pg_catalog.=) (hw_row.category) OR m."category" IS NULL AND (hw_row.category) IS NULL)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := ARRAY[ROW((hw_row.category)::text)::"headwater".category_scores_VERSION_key];
        END IF;
      END IF;
    ELSIF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 451977536000::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1, pg_catalog.sum(r.s2)::pg_catalog.int8 AS d2, pg_catalog.sum(r.s3)::pg_catalog.int8 AS d3, pg_catalog.max(r.i4) AS i4
          FROM (
            SELECT t.category AS k1, 1 AS hw_sign, 1 AS s0, CASE WHEN t.deleted THEN 1 ELSE 0 END AS s1, CASE WHEN t.score IS NOT NULL THEN (t.score)::pg_catalog.int8 ELSE 0 END AS s2, CASE WHEN t.score IS NOT NULL THEN 1 ELSE 0 END AS s3, CASE WHEN (t.score IS NOT NULL) THEN t.score END AS i4
            FROM hw_new AS t
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0 OR g.d2 OPERATOR(pg_catalog.<>) 0 OR g.d3 OPERATOR(pg_catalog.<>) 0 OR g.i4 IS NOT NULL
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".category_scores_VERSION AS m WHERE (m."category" OPERATOR(pg_catalog.=) q.k1 OR m."category" IS NULL AND q.k1 IS NULL))
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
      FOR row_1 IN
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1, pg_catalog.sum(r.s2)::pg_catalog.int8 AS d2, pg_catalog.sum(r.s3)::pg_catalog.int8 AS d3, pg_catalog.max(r.i4) AS i4
          FROM (
            SELECT t.category AS k1, 1 AS hw_sign, 1 AS s0, CASE WHEN t.deleted THEN 1 ELSE 0 END AS s1, CASE WHEN t.score IS NOT NULL THEN (t.score)::pg_catalog.int8 ELSE 0 END AS s2, CASE WHEN t.score IS NOT NULL THEN 1 ELSE 0 END AS s3, CASE WHEN (t.score IS NOT NULL) THEN t.score END AS i4
            FROM hw_new AS t
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0 OR g.d2 OPERATOR(pg_catalog.<>) 0 OR g.d3 OPERATOR(pg_catalog.<>) 0 OR g.i4 IS NOT NULL
        ORDER BY 1
      LOOP
        UPDATE "headwater".category_scores_VERSION AS m SET
          "projects" = m."projects" OPERATOR(pg_catalog.+) row_1.d0,
          "deleted" = m."deleted" OPERATOR(pg_catalog.+) row_1.d1,
          hw_s1 = m.hw_s1 OPERATOR(pg_catalog.+) row_1.d2,
          hw_s2 = m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3,
          "best" = GREATEST(m."best", row_1.i4),
          "score" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3 OPERATOR(pg_catalog.>) 0 THEN m.hw_s1 OPERATOR(pg_catalog.+) row_1.d2 END,
          "mean" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3 OPERATOR(pg_catalog.>) 0 THEN (m.hw_s1 OPERATOR(pg_catalog.+) row_1.d2)::numeric OPERATOR(pg_catalog./) (m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3) END
        WHERE (m."category" OPERATOR(pg_catalog.=) row_1.k1 OR m."category" IS NULL AND row_1.k1 IS NULL)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".category_scores_VERSION_key;
        END IF;
      END LOOP;
    END IF;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".category_scores_VERSION_recompute(keys_1);
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
      PERFORM headwater.mark_broken('category_scores_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- category_scores_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_one THEN
      IF true THEN
        UPDATE "headwater".category_scores_VERSION AS m SET
          "projects" = m."projects" OPERATOR(pg_catalog.+) (1),
          "deleted" = m."deleted" OPERATOR(pg_catalog.+) (CASE WHEN hw_row.deleted THEN 1 ELSE 0 END),
          hw_s1 = m.hw_s1 OPERATOR(pg_catalog.+) (CASE WHEN hw_row.score IS NOT NULL THEN (hw_row.score)::pg_catalog.int8 OPERATOR(pg_catalog.*) 1 ELSE 0 END),
          hw_s2 = m.hw_s2 OPERATOR(pg_catalog.+) (CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END),
          "best" = GREATEST(m."best", (CASE WHEN hw_row.score IS NOT NULL THEN hw_row.score ELSE NULL END)),
          "score" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END OPERATOR(pg_catalog.>) 0 THEN m.hw_s1 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN hw_row.score::bigint OPERATOR(pg_catalog.*) 1 ELSE 0 END END,
          "mean" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END OPERATOR(pg_catalog.>) 0 THEN (m.hw_s1 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN hw_row.score::bigint OPERATOR(pg_catalog.*) 1 ELSE 0 END)::numeric OPERATOR(pg_catalog./) (m.hw_s2 OPERATOR(pg_catalog.+) CASE WHEN hw_row.score IS NOT NULL THEN 1 ELSE 0 END) END
        WHERE (m."category" OPERATOR(pg_catalog.=) (hw_row.category) OR m."category" IS NULL AND (hw_row.category) IS NULL)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := ARRAY[ROW((hw_row.category)::text)::"headwater".category_scores_VERSION_key];
        END IF;
      END IF;
    ELSIF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 451977536000::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1, pg_catalog.sum(r.s2)::pg_catalog.int8 AS d2, pg_catalog.sum(r.s3)::pg_catalog.int8 AS d3, pg_catalog.max(r.i4) AS i4
          FROM (
            SELECT t.category AS k1, 1 AS hw_sign, 1 AS s0, CASE WHEN t.deleted THEN 1 ELSE 0 END AS s1, CASE WHEN t.score IS NOT NULL THEN (t.score)::pg_catalog.int8 ELSE 0 END AS s2, CASE WHEN t.score IS NOT NULL THEN 1 ELSE 0 END AS s3, CASE WHEN (t.score IS NOT NULL) THEN t.score END AS i4
            FROM hw_new AS t
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0 OR g.d2 OPERATOR(pg_catalog.<>) 0 OR g.d3 OPERATOR(pg_catalog.<>) 0 OR g.i4 IS NOT NULL
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".category_scores_VERSION AS m WHERE (m."category" OPERATOR(pg_catalog.=) q.k1 OR m."category" IS NULL AND q.k1 IS NULL))
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
      FOR row_1 IN
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1, pg_catalog.sum(r.s2)::pg_catalog.int8 AS d2, pg_catalog.sum(r.s3)::pg_catalog.int8 AS d3, pg_catalog.max(r.i4) AS i4
          FROM (
            SELECT t.category AS k1, 1 AS hw_sign, 1 AS s0, CASE WHEN t.deleted THEN 1 ELSE 0 END AS s1, CASE WHEN t.score IS NOT NULL THEN (t.score)::pg_catalog.int8 ELSE 0 END AS s2, CASE WHEN t.score IS NOT NULL THEN 1 ELSE 0 END AS s3, CASE WHEN (t.score IS NOT NULL) THEN t.score END AS i4
            FROM hw_new AS t
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0 OR g.d2 OPERATOR(pg_catalog.<>) 0 OR g.d3 OPERATOR(pg_catalog.<>) 0 OR g.i4 IS NOT NULL
        ORDER BY 1
      LOOP
        UPDATE "headwater".category_scores_VERSION AS m SET
          "projects" = m."projects" OPERATOR(pg_catalog.+) row_1.d0,
          "deleted" = m."deleted" OPERATOR(pg_catalog.+) row_1.d1,
          hw_s1 = m.hw_s1 OPERATOR(pg_catalog.+) row_1.d2,
          hw_s2 = m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3,
          "best" = GREATEST(m."best", row_1.i4),
          "score" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3 OPERATOR(pg_catalog.>) 0 THEN m.hw_s1 OPERATOR(pg_catalog.+) row_1.d2 END,
          "mean" = CASE WHEN m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3 OPERATOR(pg_catalog.>) 0 THEN (m.hw_s1 OPERATOR(pg_catalog.+) row_1.d2)::numeric OPERATOR(pg_catalog./) (m.hw_s2 OPERATOR(pg_catalog.+) row_1.d3) END
        WHERE (m."category" OPERATOR(pg_catalog.=) row_1.k1 OR m."category" IS NULL AND row_1.k1 IS NULL)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".category_scores_VERSION_key;
        END IF;
      END LOOP;
    END IF;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".category_scores_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('category_scores_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
