-- One row for each batch of late. A row is added and an old one deleted, never updated: the newest is then found at once,
-- however long another transaction keeps the dead ones alive.
CREATE TABLE IF NOT EXISTS headwater.batch (
  number bigint PRIMARY KEY,
  snapshot pg_snapshot NOT NULL,
  at timestamptz NOT NULL,
  epoch int NOT NULL,
  pos bigint NOT NULL,
  keys bigint NOT NULL DEFAULT 0,
  taken bigint NOT NULL DEFAULT 0,
  system text NOT NULL,
  timeline text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE headwater.batch DROP COLUMN IF EXISTS lsn;
COMMENT ON TABLE headwater.batch IS 'The newest row: the snapshot at which all eventual models equal their SELECTs, the moment that now() meant there, and the last position of the log';

-- Which server this is. Transaction ids and positions mean something on one server and one timeline only.
CREATE OR REPLACE FUNCTION headwater.cluster(OUT system text, OUT timeline text)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $body$
  SELECT (SELECT c.system_identifier::text FROM pg_control_system() AS c), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
$body$;
COMMENT ON FUNCTION headwater.cluster() IS 'The server''s identity and timeline';

INSERT INTO headwater.batch (number, snapshot, at, epoch, pos, system, timeline)
SELECT 0, pg_catalog.pg_current_snapshot(), pg_catalog.now(), 1, 0, c.system, c.timeline
  FROM headwater.cluster() AS c
 WHERE NOT EXISTS (SELECT FROM headwater.batch);

-- What there is to do, doing it, and deleting what was done; apply writes these anew for the queues and models there are.
DO $body$
BEGIN
  IF pg_catalog.to_regprocedure('headwater.pending(xid8, xid8, xid8[])') IS NULL THEN
    CREATE FUNCTION headwater.pending(hw_since xid8, hw_until xid8, hw_also xid8[], OUT changed text[], OUT truncated text[], OUT due text[], OUT next_due timestamptz, OUT noted boolean)
    LANGUAGE sql AS $pending$
      SELECT '{}'::text[], '{}'::text[], '{}'::text[], NULL::timestamptz,
             EXISTS (SELECT FROM headwater.changed AS q WHERE q.hw_xid >= hw_since AND q.hw_xid < hw_until OR q.hw_xid = ANY (hw_also))
    $pending$;
    CREATE FUNCTION headwater.forget(hw_changed text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint
    LANGUAGE sql AS $forget$ SELECT 0::bigint $forget$;
    CREATE FUNCTION headwater.call_step(hw_table text, hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint
    LANGUAGE sql AS $call$ SELECT 0::bigint $call$;
  END IF;
END
$body$;

-- One batch: brings all eventual models from the last batch's snapshot to this transaction's. The caller has begun a REPEATABLE
-- READ transaction and then locked headwater.batch in SHARE ROW EXCLUSIVE and every source table in ACCESS SHARE mode, in
-- this order and before anything that takes a snapshot.
--   expected  the generation of models for which the caller has taken locks
--   careful   each model in a subtransaction: what fails is marked broken and the others go on
--   force     models that are rebuilt after changes do not wait for their turn
-- outcome: done; idle: nothing to do, nothing written; stale: other models are installed now, read them and lock anew; early: the clock
-- is behind the last batch's, begin anew; restored: this is another server, see headwater.begin_anew().
CREATE OR REPLACE FUNCTION headwater.run_batch(expected bigint, careful boolean, force boolean,
  OUT outcome text, OUT number bigint, OUT keys bigint, OUT taken bigint, OUT epoch int, OUT pos bigint, OUT next_due timestamptz, OUT failed text[])
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET jit = off AS $body$
#variable_conflict use_column
DECLARE
  last headwater.batch%ROWTYPE;
  cur pg_snapshot := pg_current_snapshot();
  since xid8;
  until xid8;
  also xid8[];
  what record;
  missed text[];
  m headwater.model;
  began timestamptz;
  waiting timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'repeatable read' THEN
    RAISE EXCEPTION 'a batch needs one snapshot for all its statements: REPEATABLE READ';
  END IF;
  SELECT b.* INTO last FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1;
  keys := 0;
  taken := 0;
  failed := '{}';
  number := last.number;
  epoch := last.epoch;
  pos := last.pos;
  IF (SELECT o.value::bigint FROM headwater.meta AS o WHERE o.key = 'generation') IS DISTINCT FROM expected THEN
    outcome := 'stale';
    RETURN;
  END IF;
  IF now() < last.at AND last.at < now() + interval '1 minute' THEN
    outcome := 'early';
    RETURN;
  END IF;
  since := pg_snapshot_xmax(last.snapshot);
  until := pg_snapshot_xmax(cur);
  also := ARRAY(SELECT x FROM pg_snapshot_xip(last.snapshot) AS x EXCEPT SELECT x FROM pg_snapshot_xip(cur) AS x);
  SELECT p.* INTO what FROM headwater.pending(since, until, also) AS p;
  missed := ARRAY(SELECT q.model FROM headwater.missed AS q WHERE q.hw_xid >= since AND q.hw_xid < until
                  UNION SELECT q.model FROM headwater.missed AS q WHERE q.hw_xid = ANY (also));
  SELECT min(CASE WHEN o.state = 'broken' THEN coalesce(o.retry_at, '-infinity') ELSE coalesce(o.rebuilt_at + headwater.pause(o.max_lag), '-infinity') END)
    INTO waiting FROM headwater.model AS o
   WHERE o.step IS NOT NULL AND (o.dirty_since IS NOT NULL OR o.state = 'broken' AND o.installed_at IS NOT NULL);
  next_due := least(what.next_due, waiting);
  IF cardinality(what.changed) = 0 AND cardinality(what.truncated) = 0 AND cardinality(what.due) = 0 AND NOT what.noted
     AND NOT EXISTS (SELECT FROM headwater.model AS o WHERE o.step IS NOT NULL AND o.table_name = ANY (missed))
     AND (waiting IS NULL OR waiting > now() AND NOT force) THEN
    outcome := 'idle';
    RETURN;
  END IF;
  FOR m IN
    SELECT o.* FROM headwater.model AS o
     WHERE o.step IS NOT NULL
       AND (o.state IN ('building', 'serving')
            AND (o.sources && what.changed OR o.sources && what.truncated OR o.table_name = ANY (what.due) OR o.table_name = ANY (missed) OR o.dirty_since IS NOT NULL)
            OR o.state = 'broken' AND o.installed_at IS NOT NULL AND (o.retry_at IS NULL OR o.retry_at <= now()))
     ORDER BY o.table_name
  LOOP
    began := clock_timestamp();
    IF m.state = 'broken' THEN
      BEGIN
        keys := keys + headwater.rebuild_model(m, 'repair after: ' || coalesce(m.reason, ''));
      EXCEPTION
        WHEN transaction_rollback OR lock_not_available OR query_canceled THEN
          RAISE;
        WHEN OTHERS THEN
          PERFORM headwater.model_failed(m, began, 'repair', SQLSTATE, SQLERRM);
          failed := failed || m.name;
      END;
    ELSIF careful THEN
      BEGIN
        keys := keys + headwater.run_step(m, what.changed, what.truncated, since, until, also, m.table_name = ANY (missed), force);
      EXCEPTION
        WHEN transaction_rollback OR lock_not_available OR query_canceled THEN
          RAISE;
        WHEN OTHERS THEN
          PERFORM headwater.model_failed(m, began, 'batch', SQLSTATE, SQLERRM);
          failed := failed || m.name;
      END;
    ELSE
      keys := keys + headwater.run_step(m, what.changed, what.truncated, since, until, also, m.table_name = ANY (missed), force);
    END IF;
  END LOOP;
  number := last.number + 1;
  IF what.noted OR EXISTS (SELECT FROM headwater.changed AS q WHERE q.hw_xid = pg_current_xact_id()) THEN
    pos := headwater.write_log(since, until, also, number, last.epoch, last.pos);
    IF pos > last.pos THEN
      -- Positions are seen as soon as they are committed, so they must have reached the disk by then.
      PERFORM set_config('synchronous_commit', 'on', true);
      -- Whoever serves the log need not ask for it. Only a batch notifies: a writer's transaction that did could not be
      -- prepared for a two-phase commit, and NOTIFY makes the commits of a database take one lock.
      PERFORM pg_notify('headwater_log', concat(epoch, '.', pos));
    END IF;
  END IF;
  taken := headwater.forget(what.changed, since, until, also);
  IF cardinality(missed) > 0 THEN
    DELETE FROM headwater.missed AS q USING headwater.model AS o
     WHERE o.table_name = q.model AND o.step IS NOT NULL AND (q.hw_xid >= since AND q.hw_xid < until OR q.hw_xid = ANY (also));
  END IF;
  IF cardinality(what.truncated) > 0 THEN
    DELETE FROM headwater.truncated AS q WHERE q.hw_xid >= since AND q.hw_xid < until OR q.hw_xid = ANY (also);
  END IF;
  INSERT INTO headwater.batch (number, snapshot, at, epoch, pos, keys, taken, system, timeline)
  VALUES (number, cur, now(), last.epoch, pos, keys, taken, last.system, last.timeline);
  DELETE FROM headwater.batch AS b WHERE b.number = last.number - 1000;
  -- When something is due next has changed with the rows. This very commit moves the server's snapshot, so the leader looks again.
  next_due := NULL;
  outcome := 'done';
END
$body$;

-- After a restore into another server, or a failover: what was stored of transaction ids means nothing there. Eventual models are
-- rebuilt at the next batch, and positions begin a new epoch. True where something was done. The caller holds the lock on headwater.batch.
CREATE OR REPLACE FUNCTION headwater.begin_anew() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
DECLARE
  last headwater.batch%ROWTYPE;
  here record;
  q record;
BEGIN
  SELECT b.* INTO last FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1;
  SELECT c.* INTO here FROM headwater.cluster() AS c;
  IF last.system = here.system AND last.timeline = here.timeline THEN
    RETURN false;
  END IF;
  IF last.system <> here.system THEN
    FOR q IN SELECT o.name FROM headwater.queue AS o LOOP
      EXECUTE format('DELETE FROM %s', q.name);
    END LOOP;
    DELETE FROM headwater.truncated;
    DELETE FROM headwater.changed;
    UPDATE headwater.model AS o
       SET state = 'broken', reason = 'restored into another server', broken_at = clock_timestamp(), failures = 0, retry_at = NULL, dirty_since = NULL
     WHERE o.step IS NOT NULL AND o.state = 'serving';
    INSERT INTO headwater.changed (model) SELECT o.table_name FROM headwater.model AS o WHERE o.changes IS NOT NULL AND o.installed_at IS NOT NULL;
  END IF;
  INSERT INTO headwater.batch (number, snapshot, at, epoch, pos, system, timeline)
  VALUES (last.number + 1,
          CASE WHEN last.system = here.system THEN last.snapshot ELSE pg_current_snapshot() END,
          now(), last.epoch + 1, 0, here.system, here.timeline);
  RETURN true;
END
$body$;
