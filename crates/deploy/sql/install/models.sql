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
  ADD COLUMN IF NOT EXISTS verified_exact boolean,
  ADD COLUMN IF NOT EXISTS verified_found text,
  ADD COLUMN IF NOT EXISTS repaired_at timestamptz,
  ADD COLUMN IF NOT EXISTS explanation text;
COMMENT ON COLUMN headwater.model.verified_exact IS 'Whether the last verify found it equal to its SELECT, before any repair; verified_found says what differed';
COMMENT ON COLUMN headwater.model.repaired_at IS 'When a verify last put right what differed';
COMMENT ON COLUMN headwater.model.explanation IS 'What `headwater plan` said of this version';
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
