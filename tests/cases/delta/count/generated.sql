-- trigger functions: insert on votes, update on votes

-- project_votes: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".project_votes_VERSION_full AS
SELECT
  p.id, p.title,
  (
    SELECT count(*) AS count
    FROM public.votes v
    WHERE
      v.project_id = p.id
      AND v.up
  ) AS ups,
  (
    SELECT count(*) AS count
    FROM public.votes v
    WHERE v.project_id = p.id
  ) AS votes
FROM public.projects p;

-- project_votes: the stored part of the SELECT
CREATE VIEW "headwater".project_votes_VERSION_core AS
SELECT
  p.id AS id, p.title AS title,
  (
    SELECT count(*) AS count
    FROM public.votes v
    WHERE
      v.project_id = p.id
      AND v.up
  ) AS ups,
  (
    SELECT count(*) AS count
    FROM public.votes v
    WHERE v.project_id = p.id
  ) AS votes
FROM public.projects p;

-- project_votes: the model table
CREATE TABLE "headwater".project_votes_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".project_votes_VERSION_core
WITH NO DATA;

-- when a statement recomputed the row, so that the same statement's arithmetic leaves it alone
ALTER TABLE "headwater".project_votes_VERSION ADD COLUMN hw_mark timestamptz;

-- the key's columns
CREATE TYPE "headwater".project_votes_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON project_votes (id)
CREATE UNIQUE INDEX project_votes_index_VERSION ON headwater.project_votes_VERSION USING btree (id);

-- declared as CREATE INDEX ON project_votes (ups DESC)
CREATE INDEX project_votes_index2_VERSION ON headwater.project_votes_VERSION USING btree (ups DESC);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".project_votes_VERSION_recompute(keys "headwater".project_votes_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".project_votes_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 22271467264::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".project_votes_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".project_votes_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".project_votes_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
    RETURNING 1
  ), altered AS (
    UPDATE "headwater".project_votes_VERSION AS m SET "id" = f."id", "title" = f."title", "ups" = f."ups", "votes" = f."votes", hw_mark = pg_catalog.statement_timestamp()
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND (ROW(m."id", m."title", m."ups", m."votes")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."title", f."ups", f."votes")::pg_catalog.record OR m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp())
      AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    RETURNING 1
  )
  INSERT INTO "headwater".project_votes_VERSION ("id", "title", "ups", "votes", hw_mark)
  SELECT f."id", f."title", f."ups", f."votes", pg_catalog.statement_timestamp()
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".project_votes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id")
    AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0
    AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0;
END
$hw$;

-- insert on votes
CREATE OR REPLACE FUNCTION "headwater".on_public_votes_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: INSERT on votes reaches 1 realtime and 0 eventual model(s).
DECLARE
  hw_several boolean;
  hw_one boolean;
  hw_row record;
  row_1 record;
  keys_1 "headwater".project_votes_VERSION_key[];
BEGIN
  BEGIN
    hw_one := false;
    hw_several := EXISTS (SELECT FROM hw_new OFFSET 1);
    IF NOT hw_several THEN
      SELECT n.* INTO hw_row FROM hw_new AS n;
      hw_one := FOUND;
    END IF;
    -- project_votes_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_one THEN
      IF hw_row.project_id IS NOT NULL THEN
        UPDATE "headwater".project_votes_VERSION AS m SET
          "ups" = m."ups" OPERATOR(pg_catalog.+) (CASE WHEN hw_row.up THEN 1 ELSE 0 END),
          "votes" = m."votes" OPERATOR(pg_catalog.+) (1)
        WHERE m."id" OPERATOR(pg_catalog.=) (hw_row.project_id)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := ARRAY[ROW((hw_row.project_id)::integer)::"headwater".project_votes_VERSION_key];
        END IF;
      END IF;
    ELSIF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 22271467264::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
          FROM (
            SELECT t.project_id AS k1, CASE WHEN t.up THEN 1 ELSE 0 END AS s0, 1 AS s1
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".project_votes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) q.k1)
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
      FOR row_1 IN
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
          FROM (
            SELECT t.project_id AS k1, CASE WHEN t.up THEN 1 ELSE 0 END AS s0, 1 AS s1
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
        ORDER BY 1
      LOOP
        UPDATE "headwater".project_votes_VERSION AS m SET
          "ups" = m."ups" OPERATOR(pg_catalog.+) row_1.d0,
          "votes" = m."votes" OPERATOR(pg_catalog.+) row_1.d1
        WHERE m."id" OPERATOR(pg_catalog.=) row_1.k1
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".project_votes_VERSION_key;
        END IF;
      END LOOP;
    END IF;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_votes_VERSION_recompute(keys_1);
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
      PERFORM headwater.mark_broken('project_votes_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- project_votes_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_one THEN
      IF hw_row.project_id IS NOT NULL THEN
        UPDATE "headwater".project_votes_VERSION AS m SET
          "ups" = m."ups" OPERATOR(pg_catalog.+) (CASE WHEN hw_row.up THEN 1 ELSE 0 END),
          "votes" = m."votes" OPERATOR(pg_catalog.+) (1)
        WHERE m."id" OPERATOR(pg_catalog.=) (hw_row.project_id)
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := ARRAY[ROW((hw_row.project_id)::integer)::"headwater".project_votes_VERSION_key];
        END IF;
      END IF;
    ELSIF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 22271467264::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
          FROM (
            SELECT t.project_id AS k1, CASE WHEN t.up THEN 1 ELSE 0 END AS s0, 1 AS s1
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".project_votes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) q.k1)
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
      FOR row_1 IN
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
          FROM (
            SELECT t.project_id AS k1, CASE WHEN t.up THEN 1 ELSE 0 END AS s0, 1 AS s1
            FROM hw_new AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
        ORDER BY 1
      LOOP
        UPDATE "headwater".project_votes_VERSION AS m SET
          "ups" = m."ups" OPERATOR(pg_catalog.+) row_1.d0,
          "votes" = m."votes" OPERATOR(pg_catalog.+) row_1.d1
        WHERE m."id" OPERATOR(pg_catalog.=) row_1.k1
          AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
        IF NOT FOUND THEN
          keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".project_votes_VERSION_key;
        END IF;
      END LOOP;
    END IF;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_votes_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_votes_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;

-- update on votes
CREATE OR REPLACE FUNCTION "headwater".on_public_votes_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: UPDATE on votes reaches 1 realtime and 0 eventual model(s).
DECLARE
  hw_several boolean;
  hw_one boolean;
  hw_row record;
  row_1 record;
  keys_1 "headwater".project_votes_VERSION_key[];
BEGIN
  BEGIN
    -- Nothing that a model reads has changed.
    IF NOT EXISTS (SELECT project_id, "up" FROM hw_new EXCEPT ALL SELECT project_id, "up" FROM hw_old) THEN
      RETURN NULL;
    END IF;
    hw_one := false;
    hw_several := EXISTS (SELECT FROM hw_new OFFSET 1);
    -- project_votes_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 22271467264::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
          FROM (
            SELECT t.project_id AS k1, CASE WHEN t.up THEN t.hw_sign ELSE 0 END AS s0, t.hw_sign AS s1
            FROM (
              SELECT 1 AS hw_sign, n.* FROM hw_new AS n UNION ALL SELECT -1, o.* FROM hw_old AS o
            ) AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".project_votes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) q.k1)
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
    END IF;
    FOR row_1 IN
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
        FROM (
          SELECT t.project_id AS k1, CASE WHEN t.up THEN t.hw_sign ELSE 0 END AS s0, t.hw_sign AS s1
          FROM (
            SELECT 1 AS hw_sign, n.* FROM hw_new AS n UNION ALL SELECT -1, o.* FROM hw_old AS o
          ) AS t
          WHERE t.project_id IS NOT NULL
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
      ORDER BY 1
    LOOP
      UPDATE "headwater".project_votes_VERSION AS m SET
        "ups" = m."ups" OPERATOR(pg_catalog.+) row_1.d0,
        "votes" = m."votes" OPERATOR(pg_catalog.+) row_1.d1
      WHERE m."id" OPERATOR(pg_catalog.=) row_1.k1
        AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
      IF NOT FOUND THEN
        keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".project_votes_VERSION_key;
      END IF;
    END LOOP;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_votes_VERSION_recompute(keys_1);
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
    IF NOT EXISTS (SELECT project_id, "up" FROM hw_new EXCEPT ALL SELECT project_id, "up" FROM hw_old) THEN
      RETURN NULL;
    END IF;
    hw_one := false;
    hw_several := EXISTS (SELECT FROM hw_new OFFSET 1);
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_votes_VERSION', SQLSTATE, SQLERRM);
      RETURN NULL;
  END;
  BEGIN
    -- project_votes_VERSION: fold into the rows.
    keys_1 := NULL;
    IF hw_several THEN
      -- Lock the keys that have no row before the rows of the others, as recomputing does.
      INSERT INTO headwater.lock AS l (id)
      SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(q.k1), 22271467264::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
      FROM (
        SELECT g.* FROM (
          SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
          FROM (
            SELECT t.project_id AS k1, CASE WHEN t.up THEN t.hw_sign ELSE 0 END AS s0, t.hw_sign AS s1
            FROM (
              SELECT 1 AS hw_sign, n.* FROM hw_new AS n UNION ALL SELECT -1, o.* FROM hw_old AS o
            ) AS t
            WHERE t.project_id IS NOT NULL
          ) AS r
          GROUP BY r.k1
        ) AS g
        WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
      ) AS q
      WHERE NOT EXISTS (SELECT FROM "headwater".project_votes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) q.k1)
      ORDER BY 1
      ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
    END IF;
    FOR row_1 IN
      SELECT g.* FROM (
        SELECT r.k1, pg_catalog.sum(r.s0)::pg_catalog.int8 AS d0, pg_catalog.sum(r.s1)::pg_catalog.int8 AS d1
        FROM (
          SELECT t.project_id AS k1, CASE WHEN t.up THEN t.hw_sign ELSE 0 END AS s0, t.hw_sign AS s1
          FROM (
            SELECT 1 AS hw_sign, n.* FROM hw_new AS n UNION ALL SELECT -1, o.* FROM hw_old AS o
          ) AS t
          WHERE t.project_id IS NOT NULL
        ) AS r
        GROUP BY r.k1
      ) AS g
      WHERE g.d0 OPERATOR(pg_catalog.<>) 0 OR g.d1 OPERATOR(pg_catalog.<>) 0
      ORDER BY 1
    LOOP
      UPDATE "headwater".project_votes_VERSION AS m SET
        "ups" = m."ups" OPERATOR(pg_catalog.+) row_1.d0,
        "votes" = m."votes" OPERATOR(pg_catalog.+) row_1.d1
      WHERE m."id" OPERATOR(pg_catalog.=) row_1.k1
        AND m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp();
      IF NOT FOUND THEN
        keys_1 := keys_1 OPERATOR(pg_catalog.||) ROW(row_1.k1)::"headwater".project_votes_VERSION_key;
      END IF;
    END LOOP;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".project_votes_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('project_votes_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
