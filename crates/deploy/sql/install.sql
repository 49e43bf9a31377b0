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
COMMENT ON TABLE headwater.meta IS 'schema_version: the version of these objects';

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
COMMENT ON TABLE headwater.model IS 'Every version of every model that has objects here; one version of a model serves, others are being built or about to be dropped';

CREATE TABLE IF NOT EXISTS headwater.source (
  table_name text PRIMARY KEY,
  version text NOT NULL,
  functions text[] NOT NULL
);
COMMENT ON TABLE headwater.source IS 'The source tables of the serving models, and the trigger functions that each of them and of its partitions must have';

REVOKE ALL ON headwater.meta, headwater.lock, headwater.model, headwater.source FROM PUBLIC;

-- Called by a trigger function's exception handler: a fault of Headwater's marks the model and lets the application's
-- write pass. A model that is already broken is left alone, so that writers do not queue on its row. It may run under
-- any search_path, hence the qualified operators.
CREATE OR REPLACE FUNCTION headwater.mark_broken(broken_table text, code text, problem text) RETURNS void
LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE headwater.model
     SET state = 'broken',
         reason = pg_catalog.concat(code, ': ', problem),
         broken_at = pg_catalog.clock_timestamp()
   WHERE model.table_name OPERATOR(pg_catalog.=) broken_table
     AND model.state OPERATOR(pg_catalog.=) ANY (ARRAY['building'::pg_catalog.text, 'serving'::pg_catalog.text]);
  RAISE WARNING 'Headwater model table %: % (%)', broken_table, problem, code
    USING HINT = 'The write was kept; the model is marked broken. Run: headwater verify --repair';
END
$body$;
REVOKE ALL ON FUNCTION headwater.mark_broken(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION headwater.mark_broken(text, text, text) IS 'Marks the model with this table broken: (table, SQLSTATE, message)';

INSERT INTO headwater.meta (key, value) VALUES ('schema_version', '1')
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
