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
