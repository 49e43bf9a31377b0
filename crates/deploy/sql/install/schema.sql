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
COMMENT ON TABLE headwater.meta IS 'schema_version: the version of these objects; generation: changes with everything that a batch must know; batches: the version of the batch functions';
