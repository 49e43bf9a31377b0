-- Everything of Headwater's own that does not depend on a model. Runs in one transaction, as often as one likes.
-- Nobody but the owner has a right on anything in here: writers reach it through trigger functions that are
-- SECURITY DEFINER (no EXECUTE is needed to fire a trigger), readers through the public views.

CREATE SCHEMA IF NOT EXISTS headwater;
REVOKE ALL ON SCHEMA headwater FROM PUBLIC;
COMMENT ON SCHEMA headwater IS 'Headwater: model tables and what maintains them. Managed by `headwater apply`; `headwater remove --all` drops it.';

CREATE TABLE IF NOT EXISTS headwater.meta (
  key text PRIMARY KEY,
  value text NOT NULL
);
COMMENT ON TABLE headwater.meta IS 'schema_version: the version of these objects; generation: changes with everything that a batch must know; batches: the version of the batch functions; log_keep: how long the log is kept';

-- Writers that affect the same key or join value meet here. A lock is a write, so that a transaction with an older
-- snapshot notices it: INSERT ... ON CONFLICT (id) DO UPDATE SET v = lock.v + 1. Half of each page is kept free so
-- that a bump stays on its page (HOT), and vacuum comes early because a hot row is bumped thousands of times a second.
CREATE TABLE IF NOT EXISTS headwater.lock (
  id int PRIMARY KEY,
  v bigint NOT NULL DEFAULT 0
) WITH (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 10000,
  autovacuum_analyze_scale_factor = 1,
  autovacuum_vacuum_cost_delay = 0
);
COMMENT ON TABLE headwater.lock IS 'Key locks and join locks of realtime models; id is a hash';

CREATE TABLE IF NOT EXISTS headwater.model (
  schema_name text NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  table_name text NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('building', 'serving', 'broken', 'retired')),
  reason text,
  broken_at timestamptz,
  mode text NOT NULL,
  tier text NOT NULL,
  timed boolean NOT NULL,
  key_columns text[] NOT NULL,
  columns text[] NOT NULL,
  sources text[] NOT NULL,
  definition text NOT NULL,
  file text NOT NULL,
  generation int NOT NULL DEFAULT 0,
  compare_summary text NOT NULL,
  compare_sample text NOT NULL,
  compare_repair text NOT NULL,
  discard text[] NOT NULL,
  boundaries text[],
  filled_ranges int NOT NULL DEFAULT 0,
  filled boolean NOT NULL DEFAULT false,
  backfill_ms bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  installed_at timestamptz,
  PRIMARY KEY (schema_name, name, version)
);
-- What eventual models, and models whose changes are kept, need besides.
ALTER TABLE headwater.model
  ADD COLUMN IF NOT EXISTS step text,
  ADD COLUMN IF NOT EXISTS rebuild text,
  ADD COLUMN IF NOT EXISTS changes text,
  ADD COLUMN IF NOT EXISTS trim text,
  ADD COLUMN IF NOT EXISTS access text,
  ADD COLUMN IF NOT EXISTS retain text,
  ADD COLUMN IF NOT EXISTS follow text[],
  ADD COLUMN IF NOT EXISTS plain boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS max_lag interval,
  ADD COLUMN IF NOT EXISTS diff_sources text[] NOT NULL DEFAULT '{}',
  ADD COLUMN IF NOT EXISTS dirty_since timestamptz,
  ADD COLUMN IF NOT EXISTS exact_batch bigint,
  ADD COLUMN IF NOT EXISTS rebuilt_at timestamptz,
  ADD COLUMN IF NOT EXISTS failures int NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS retry_at timestamptz,
  ADD COLUMN IF NOT EXISTS verified_at timestamptz,
  ADD COLUMN IF NOT EXISTS verified_exact boolean;
COMMENT ON COLUMN headwater.model.access IS 'Who may read it where it is served: the words of the option; NULL where none is declared';
COMMENT ON COLUMN headwater.model.retain IS 'live or append where its changes are in the log';
COMMENT ON COLUMN headwater.model.follow IS 'Of an event log whose rows go with their key in the SELECT: the columns that follow it, too';
COMMENT ON COLUMN headwater.model.plain IS 'The public view shows stored columns just as they are, which is what the log shows; it may order them';
COMMENT ON COLUMN headwater.model.exact_batch IS 'The batch at whose snapshot the model equals its SELECT, where that is not the newest: it waits to be computed anew';
COMMENT ON TABLE headwater.model IS 'Every version of every model that has objects here; one version of a model serves, others are being built or about to be dropped';

CREATE TABLE IF NOT EXISTS headwater.source (
  table_name text PRIMARY KEY,
  version text NOT NULL,
  functions text[] NOT NULL
);
ALTER TABLE headwater.source ADD COLUMN IF NOT EXISTS queue text;
COMMENT ON TABLE headwater.source IS 'The source tables of the serving models, and the trigger functions that each of them and of its partitions must have';

CREATE TABLE IF NOT EXISTS headwater.queue (
  name text PRIMARY KEY,
  source text NOT NULL,
  columns text[] NOT NULL,
  types text[] NOT NULL
);
COMMENT ON TABLE headwater.queue IS 'The change queues: the tables to which triggers append what eventual models read of their sources';

-- One row for each batch of late. A row is added and an old one deleted, never updated: the newest is then found at once,
-- however long another transaction keeps the dead ones alive.
CREATE TABLE IF NOT EXISTS headwater.batch (
  number bigint PRIMARY KEY,
  snapshot pg_snapshot NOT NULL,
  at timestamptz NOT NULL,
  epoch int NOT NULL,
  pos bigint NOT NULL,
  lsn pg_lsn NOT NULL,
  keys bigint NOT NULL DEFAULT 0,
  taken bigint NOT NULL DEFAULT 0,
  system text NOT NULL,
  timeline text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE headwater.batch IS 'The newest row: the snapshot at which all eventual models equal their SELECTs, the moment that now() meant there, and the last position of the log';

CREATE TABLE IF NOT EXISTS headwater.truncated (
  source text NOT NULL,
  hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id()
);
CREATE INDEX IF NOT EXISTS truncated_xid ON headwater.truncated (hw_xid);
COMMENT ON TABLE headwater.truncated IS 'TRUNCATEs that no batch has seen yet';

CREATE TABLE IF NOT EXISTS headwater.missed (
  model text NOT NULL,
  hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id()
);
CREATE INDEX IF NOT EXISTS missed_xid ON headwater.missed (hw_xid);
COMMENT ON TABLE headwater.missed IS 'Writes whose maintenance of a model failed: whoever sees one knows that the model misses something, whatever its state says';

CREATE TABLE IF NOT EXISTS headwater.changed (
  model text NOT NULL,
  key jsonb,
  hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE headwater.changed ADD COLUMN IF NOT EXISTS old jsonb;
CREATE INDEX IF NOT EXISTS changed_xid ON headwater.changed (hw_xid);
COMMENT ON TABLE headwater.changed IS 'Changed keys of models whose changes are kept, with the rows as they were, for the next batch to put into the log; no key: the whole model';

-- The log: changes of model rows in the order of their commits, numbered without gaps within an epoch.
CREATE TABLE IF NOT EXISTS headwater.log (
  epoch int NOT NULL,
  pos bigint NOT NULL,
  batch bigint NOT NULL,
  at timestamptz NOT NULL,
  model text NOT NULL,
  op text NOT NULL CHECK (op IN ('put', 'gone', 'reset')),
  key jsonb,
  "row" jsonb
) PARTITION BY RANGE (at);
ALTER TABLE headwater.log ADD COLUMN IF NOT EXISTS old jsonb;
CREATE INDEX IF NOT EXISTS log_pos ON headwater.log (epoch, pos);
COMMENT ON COLUMN headwater.log.old IS 'The other images that the row has had since the batch before; NULL where there was no row, empty where it is as it was';
COMMENT ON TABLE headwater.log IS 'Changes of model rows. A position is epoch.pos; put: the row is now so; gone: no row has this key any more; reset: read the model anew';

-- Document 003's table, so that what reads it there reads it here.
CREATE TABLE IF NOT EXISTS headwater.mv_refresh_log (
  id bigserial PRIMARY KEY,
  view_name text NOT NULL,
  refresh_started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  refresh_completed_at timestamptz,
  duration_ms int,
  row_count bigint,
  triggered_by text,
  status text NOT NULL DEFAULT 'pending',
  message text
);
CREATE INDEX IF NOT EXISTS mv_refresh_log_at ON headwater.mv_refresh_log (refresh_started_at);
COMMENT ON TABLE headwater.mv_refresh_log IS 'One row for each rebuild of a model and for each failure, and one a minute for all batches together (view_name: batches)';

REVOKE ALL ON ALL TABLES IN SCHEMA headwater FROM PUBLIC;

-- Called by a trigger function's exception handler: a fault of Headwater's marks the model and lets the application's
-- write pass. A model that is already broken is left alone, so that writers do not queue on its row; the note in headwater.missed
-- outlives a repair that did not see this write. It may run under any search_path, hence the qualified operators.
CREATE OR REPLACE FUNCTION headwater.mark_broken(broken_table text, code text, problem text) RETURNS void
LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO headwater.missed (model) VALUES (broken_table);
  UPDATE headwater.model
     SET state = 'broken',
         reason = pg_catalog.concat(code, ': ', problem),
         broken_at = pg_catalog.clock_timestamp(),
         retry_at = NULL
   WHERE model.table_name OPERATOR(pg_catalog.=) broken_table
     AND model.state OPERATOR(pg_catalog.=) ANY (ARRAY['building'::pg_catalog.text, 'serving'::pg_catalog.text]);
  RAISE WARNING 'Headwater model table %: % (%)', broken_table, problem, code
    USING HINT = 'The write was kept; the model is marked broken. Run: headwater verify --repair';
END
$body$;
REVOKE ALL ON FUNCTION headwater.mark_broken(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION headwater.mark_broken(text, text, text) IS 'Marks the model with this table broken: (table, SQLSTATE, message)';


-- Which server this is. Transaction ids and positions mean something on one server and one timeline only.
CREATE OR REPLACE FUNCTION headwater.cluster(OUT system text, OUT timeline text)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $body$
  SELECT (SELECT c.system_identifier::text FROM pg_control_system() AS c), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
$body$;
COMMENT ON FUNCTION headwater.cluster() IS 'The server''s identity and timeline';

INSERT INTO headwater.batch (number, snapshot, at, epoch, pos, lsn, system, timeline)
SELECT 0, pg_catalog.pg_current_snapshot(), pg_catalog.now(), 1, 0, pg_catalog.pg_current_wal_insert_lsn(), c.system, c.timeline
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

-- Called where a SELECT has yielded rows of some keys: they must be one row a key.
CREATE OR REPLACE FUNCTION headwater.one_row_a_key(rows bigint, keys bigint, model text) RETURNS boolean
LANGUAGE plpgsql AS $body$
BEGIN
  IF rows OPERATOR(pg_catalog.>) keys THEN
    RAISE EXCEPTION 'the SELECT of % yields several rows with one key', model
      USING ERRCODE = 'unique_violation', HINT = 'Put columns that tell the rows apart into its unique index, or repair the data.';
  END IF;
  RETURN true;
END
$body$;

-- How long a model that is rebuilt after changes waits between two rebuilds, where it does not say max_lag itself.
CREATE OR REPLACE FUNCTION headwater.pause(max_lag interval) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $body$ SELECT coalesce(max_lag, interval '5 seconds') $body$;

-- A rebuild of an eventual model within a batch, with its row in the refresh log.
CREATE OR REPLACE FUNCTION headwater.rebuild_model(m headwater.model, because text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
DECLARE
  began timestamptz := clock_timestamp();
  written bigint;
BEGIN
  EXECUTE format('SELECT %s()', m.rebuild) INTO written;
  UPDATE headwater.model AS o
     SET dirty_since = NULL, exact_batch = NULL, rebuilt_at = began, failures = 0, retry_at = NULL,
         state = CASE WHEN o.state = 'broken' AND o.installed_at IS NOT NULL THEN 'serving' ELSE o.state END,
         reason = NULL, broken_at = NULL
   WHERE o.table_name = m.table_name;
  INSERT INTO headwater.mv_refresh_log (view_name, refresh_started_at, refresh_completed_at, duration_ms, row_count, triggered_by, status)
  VALUES (m.name, began, clock_timestamp(), extract(epoch FROM clock_timestamp() - began) * 1000, written, because, 'completed');
  RETURN written;
END
$body$;

-- One model's part of a batch; gives how many keys it recomputed or rows it wrote.
CREATE OR REPLACE FUNCTION headwater.run_step(m headwater.model, changed text[], truncated text[], since xid8, until xid8, also xid8[], missed boolean, force boolean)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
DECLARE
  because text;
BEGIN
  IF missed THEN
    RETURN headwater.rebuild_model(m, 'a write that failed to be queued');
  END IF;
  IF m.sources && truncated THEN
    RETURN headwater.rebuild_model(m, 'truncate of ' || array_to_string(ARRAY(SELECT unnest(m.sources) INTERSECT SELECT unnest(truncated)), ', '));
  END IF;
  IF m.diff_sources && changed OR m.dirty_since IS NOT NULL THEN
    because := 'changes of ' || array_to_string(m.diff_sources, ', ');
    IF force OR m.rebuilt_at IS NULL OR m.rebuilt_at + headwater.pause(m.max_lag) <= now() THEN
      RETURN headwater.rebuild_model(m, because);
    END IF;
    -- It stays as it is, exact at the snapshot of its last rebuild, until it is its turn again.
    IF m.dirty_since IS NULL THEN
      UPDATE headwater.model AS o SET dirty_since = now(), exact_batch = (SELECT max(b.number) FROM headwater.batch AS b)
       WHERE o.table_name = m.table_name;
    END IF;
    RETURN 0;
  END IF;
  RETURN headwater.call_step(m.table_name, changed, truncated, since, until, also);
END
$body$;

-- A model whose step or rebuild has failed keeps its last exact rows and is rebuilt later.
CREATE OR REPLACE FUNCTION headwater.model_failed(m headwater.model, began timestamptz, because text, code text, problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
BEGIN
  UPDATE headwater.model AS o
     SET state = 'broken', reason = concat(code, ': ', problem), broken_at = coalesce(o.broken_at, clock_timestamp()),
         failures = o.failures + 1, retry_at = clock_timestamp() + least(interval '5 minutes', interval '1 second' * 2 ^ least(o.failures, 9))
   WHERE o.table_name = m.table_name;
  INSERT INTO headwater.mv_refresh_log (view_name, refresh_started_at, refresh_completed_at, duration_ms, triggered_by, status, message)
  VALUES (m.name, began, clock_timestamp(), extract(epoch FROM clock_timestamp() - began) * 1000, because, 'failed', concat(code, ': ', problem));
END
$body$;

-- Puts into the log what the noted keys have become; gives the last position.
CREATE OR REPLACE FUNCTION headwater.write_log(since xid8, until xid8, also xid8[], batch bigint, epoch int, last_pos bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
DECLARE
  m record;
  n bigint;
  hour timestamptz := date_trunc('hour', now(), 'UTC');
  partition text := 'log_' || to_char(hour AT TIME ZONE 'UTC', 'YYYYMMDDHH24');
BEGIN
  -- Attaching takes a weaker lock than creating in place: readers of the log go on.
  IF to_regclass('headwater.' || partition) IS NULL THEN
    EXECUTE format('CREATE TABLE headwater.%I (LIKE headwater.log INCLUDING ALL)', partition);
    EXECUTE format('REVOKE ALL ON headwater.%I FROM PUBLIC', partition);
    EXECUTE format('ALTER TABLE headwater.log ATTACH PARTITION headwater.%I FOR VALUES FROM (%L) TO (%L)', partition, hour, hour + interval '1 hour');
  END IF;
  FOR m IN SELECT o.name, o.schema_name, o.changes FROM headwater.model AS o
            WHERE o.changes IS NOT NULL AND o.installed_at IS NOT NULL AND o.state IN ('serving', 'broken')
            ORDER BY o.table_name
  LOOP
    EXECUTE format(
      'INSERT INTO headwater.log (epoch, pos, batch, at, model, op, key, "row", old)
       SELECT $4, $5 + row_number() OVER (), $6, now(), $7, c.op, c.key, c."row", c.old FROM %s($1, $2, $3) AS c', m.changes)
    USING since, until, also, epoch, last_pos, batch,
          CASE WHEN m.schema_name = 'public' THEN m.name ELSE m.schema_name || '.' || m.name END;
    GET DIAGNOSTICS n = ROW_COUNT;
    last_pos := last_pos + n;
  END LOOP;
  -- Two looks into the index; joined by OR they might be one walk through all of it.
  DELETE FROM headwater.changed AS q WHERE q.hw_xid >= since AND q.hw_xid < until;
  DELETE FROM headwater.changed AS q WHERE q.hw_xid = ANY (also || pg_current_xact_id());
  RETURN last_pos;
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
  INSERT INTO headwater.batch (number, snapshot, at, epoch, pos, lsn, keys, taken, system, timeline)
  VALUES (number, cur, now(), last.epoch, pos, pg_current_wal_insert_lsn(), keys, taken, last.system, last.timeline);
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
  INSERT INTO headwater.batch (number, snapshot, at, epoch, pos, lsn, system, timeline)
  VALUES (last.number + 1,
          CASE WHEN last.system = here.system THEN last.snapshot ELSE pg_current_snapshot() END,
          now(), last.epoch + 1, 0, pg_current_wal_insert_lsn(), here.system, here.timeline);
  RETURN true;
END
$body$;

-- True where everything that one snapshot sees is seen by the other.
CREATE OR REPLACE FUNCTION headwater.covers(seen pg_snapshot, target pg_snapshot) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $body$
  SELECT pg_snapshot_xmax(seen) >= pg_snapshot_xmax(target)
     AND NOT EXISTS (SELECT FROM pg_snapshot_xip(seen) AS x WHERE pg_visible_in_snapshot(x, target))
$body$;

-- Waits until everything that had committed before the call is in the models; gives the number of the batch. For applications:
-- GRANT USAGE ON SCHEMA headwater and EXECUTE ON FUNCTION headwater.wait(interval) to a role that should have it.
CREATE OR REPLACE FUNCTION headwater.wait(timeout interval DEFAULT '10 seconds') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
DECLARE
  target pg_snapshot := pg_current_snapshot();
  called timestamptz := clock_timestamp();
  system text := (SELECT c.system FROM headwater.cluster() AS c);
  last headwater.batch%ROWTYPE;
  behind boolean;
  what record;
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'headwater.wait() needs READ COMMITTED: a transaction with one snapshot never sees a later batch'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'headwater.wait() is called after the COMMIT of what it should wait for, not before'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  LOOP
    SELECT b.* INTO last FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1;
    -- Another server's snapshot says nothing here. A model that waits for its turn is as of an earlier batch; one that is broken and
    -- has not been tried yet is rebuilt by the next. One that has failed again is not waited for: status names it.
    behind := last.system <> system OR EXISTS (
      SELECT FROM headwater.model AS o
       WHERE o.installed_at IS NOT NULL AND o.step IS NOT NULL AND o.state = 'broken' AND o.retry_at IS NULL
    ) OR EXISTS (
      SELECT FROM headwater.missed AS q JOIN headwater.model AS o ON o.table_name = q.model
       WHERE o.installed_at IS NOT NULL AND o.step IS NOT NULL
         AND pg_visible_in_snapshot(q.hw_xid, target) AND NOT pg_visible_in_snapshot(q.hw_xid, last.snapshot)
    ) OR EXISTS (
      SELECT FROM headwater.model AS o LEFT JOIN headwater.batch AS b ON b.number = o.exact_batch
       WHERE o.installed_at IS NOT NULL AND o.state = 'serving' AND o.dirty_since IS NOT NULL
         AND headwater.covers(b.snapshot, target) IS NOT TRUE);
    IF NOT behind THEN
      IF headwater.covers(last.snapshot, target) THEN
        RETURN last.number;
      END IF;
      SELECT p.* INTO what FROM headwater.pending(
        pg_snapshot_xmax(last.snapshot), pg_snapshot_xmax(target),
        ARRAY(SELECT x FROM pg_snapshot_xip(last.snapshot) AS x WHERE pg_visible_in_snapshot(x, target))) AS p;
      -- A batch that ended meanwhile has taken its rows away; then the next round sees it.
      IF cardinality(what.changed) = 0 AND cardinality(what.truncated) = 0 AND NOT what.noted
         AND last.number = (SELECT max(b.number) FROM headwater.batch AS b) THEN
        RETURN last.number;
      END IF;
    END IF;
    IF clock_timestamp() > called + timeout THEN
      RAISE EXCEPTION 'the models are not up to date after %', timeout
        USING ERRCODE = 'query_canceled',
              HINT = CASE WHEN EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()) AND l.classid = 1752659058 AND l.objid = 1835100526)
                     THEN 'Batches take longer than that, or wait for a lock: see headwater status.'
                     ELSE 'No leader is running: start headwater maintain.' END;
    END IF;
    PERFORM pg_sleep(0.002);
  END LOOP;
END
$body$;
COMMENT ON FUNCTION headwater.wait(interval) IS 'Waits until everything that had committed before the call is in the models';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA headwater FROM PUBLIC;

INSERT INTO headwater.meta (key, value) VALUES ('generation', '1'), ('log_keep', '1 day') ON CONFLICT (key) DO NOTHING;
INSERT INTO headwater.meta (key, value) VALUES ('schema_version', '4')
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
