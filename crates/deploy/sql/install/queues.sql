CREATE TABLE IF NOT EXISTS headwater.queue (
  name text PRIMARY KEY,
  source text NOT NULL,
  columns text[] NOT NULL,
  types text[] NOT NULL
);
COMMENT ON TABLE headwater.queue IS 'The change queues: the tables to which triggers append what eventual models read of their sources';

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
