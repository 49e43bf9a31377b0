-- trigger functions: insert on messages

-- mailboxes: the whole SELECT, ties decided; what verify compares with
CREATE VIEW "headwater".mailboxes_VERSION_full AS
SELECT
  id,
  (
    SELECT count(*) AS count
    FROM public.messages m
    WHERE m.sender = u.id
  ) AS sent,
  (
    SELECT count(*) AS count
    FROM public.messages m
    WHERE
      m.recipient = u.id
      AND NOT m.read
  ) AS unread
FROM public.users u;

-- mailboxes: the stored part of the SELECT
CREATE VIEW "headwater".mailboxes_VERSION_core AS
SELECT
  id AS id,
  (
    SELECT count(*) AS count
    FROM public.messages m
    WHERE m.sender = u.id
  ) AS sent,
  (
    SELECT count(*) AS count
    FROM public.messages m
    WHERE
      m.recipient = u.id
      AND NOT m.read
  ) AS unread
FROM public.users u;

-- mailboxes: the model table
CREATE TABLE "headwater".mailboxes_VERSION WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS
SELECT * FROM "headwater".mailboxes_VERSION_core
WITH NO DATA;

-- the key's columns
CREATE TYPE "headwater".mailboxes_VERSION_key AS (k1 integer);

-- declared as CREATE UNIQUE INDEX ON mailboxes (id)
CREATE UNIQUE INDEX mailboxes_index_VERSION ON headwater.mailboxes_VERSION USING btree (id);

-- recomputes the rows with the given keys
CREATE OR REPLACE FUNCTION "headwater".mailboxes_VERSION_recompute(keys "headwater".mailboxes_VERSION_key[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode TO 'force_generic_plan'
AS $hw$
#variable_conflict use_variable
-- Headwater, "headwater".mailboxes_VERSION: recomputes the rows with these keys.
BEGIN
  -- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.
  INSERT INTO headwater.lock AS l (id)
  SELECT DISTINCT (pg_catalog.hash_record_extended(ROW(k.k1), 788834674688::pg_catalog.int8) OPERATOR(pg_catalog.&) 1048575::pg_catalog.int8)::pg_catalog.int4 AS id
  FROM pg_catalog.unnest(keys) AS k
  ORDER BY 1
  ON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1;
  -- Writers that only add to a row hold the row itself.
  PERFORM FROM "headwater".mailboxes_VERSION AS m, pg_catalog.unnest(keys) AS k
  WHERE m."id" OPERATOR(pg_catalog.=) k.k1
  ORDER BY m."id"
  FOR NO KEY UPDATE OF m;
  -- A new statement: it sees what those that were waited for have committed.
  WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k
    CROSS JOIN LATERAL (
      SELECT c.* FROM "headwater".mailboxes_VERSION_core AS c WHERE c."id" OPERATOR(pg_catalog.=) k.k1 OFFSET 0
    ) AS c
  ), gone AS (
    DELETE FROM "headwater".mailboxes_VERSION AS m USING pg_catalog.unnest(keys) AS k
    WHERE m."id" OPERATOR(pg_catalog.=) k.k1
      AND NOT EXISTS (SELECT FROM fresh AS f WHERE f."id" OPERATOR(pg_catalog.=) m."id")
  ), altered AS (
    UPDATE "headwater".mailboxes_VERSION AS m SET "id" = f."id", "sent" = f."sent", "unread" = f."unread"
    FROM fresh AS f
    WHERE m."id" OPERATOR(pg_catalog.=) f."id"
      AND ROW(m."id", m."sent", m."unread")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(f."id", f."sent", f."unread")::pg_catalog.record
  )
  INSERT INTO "headwater".mailboxes_VERSION ("id", "sent", "unread")
  SELECT f."id", f."sent", f."unread"
  FROM fresh AS f
  WHERE NOT EXISTS (SELECT FROM "headwater".mailboxes_VERSION AS m WHERE m."id" OPERATOR(pg_catalog.=) f."id");
END
$hw$;

-- insert on messages
CREATE OR REPLACE FUNCTION "headwater".on_public_messages_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $hw$
#variable_conflict use_column
-- Headwater: INSERT on messages reaches 1 model(s).
DECLARE
  keys_1 "headwater".mailboxes_VERSION_key[];
BEGIN
  BEGIN
    -- mailboxes_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(ROW(q.k1)::"headwater".mailboxes_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1 FROM (
        SELECT (r.recipient)::integer AS k1
        FROM (SELECT "read", "recipient", "sender" FROM hw_new) AS r
        UNION ALL
        SELECT (r.sender)::integer AS k1
        FROM (SELECT "read", "recipient", "sender" FROM hw_new) AS r
      ) AS q
      WHERE q.k1 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".mailboxes_VERSION_recompute(keys_1);
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
    -- mailboxes_VERSION: recompute the affected keys.
    SELECT pg_catalog.array_agg(ROW(q.k1)::"headwater".mailboxes_VERSION_key) INTO keys_1
    FROM (
      SELECT DISTINCT q.k1 FROM (
        SELECT (r.recipient)::integer AS k1
        FROM (SELECT "read", "recipient", "sender" FROM hw_new) AS r
        UNION ALL
        SELECT (r.sender)::integer AS k1
        FROM (SELECT "read", "recipient", "sender" FROM hw_new) AS r
      ) AS q
      WHERE q.k1 IS NOT NULL
    ) AS q;
    IF keys_1 IS NOT NULL THEN
      PERFORM "headwater".mailboxes_VERSION_recompute(keys_1);
    END IF;
  EXCEPTION
    WHEN transaction_rollback OR lock_not_available THEN
      RAISE;
    WHEN OTHERS THEN
      PERFORM headwater.mark_broken('mailboxes_VERSION', SQLSTATE, SQLERRM);
  END;
  RETURN NULL;
END
$hw$;
