-- Events that no table of the application's shows, emitted by whoever may execute headwater.emit(). A source table like any other.
CREATE TABLE IF NOT EXISTS headwater.event (
  id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  channel text NOT NULL,
  at timestamptz NOT NULL,
  payload jsonb NOT NULL,
  attributes jsonb NOT NULL
);
COMMENT ON TABLE headwater.event IS 'Events that headwater.emit() was called with; models may read them. Delete old ones as you like';

-- Emits an event in the caller's transaction; gives its id. For applications: GRANT USAGE ON SCHEMA headwater and
-- EXECUTE ON FUNCTION headwater.emit(text, jsonb, jsonb, timestamptz) to a role that should have it. A channel is a name of one
-- line, because it is written into streams; a time without end or beginning would stay in every window or leave none.
CREATE OR REPLACE FUNCTION headwater.emit(channel text, payload jsonb, attributes jsonb DEFAULT '{}', at timestamptz DEFAULT pg_catalog.now()) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
#variable_conflict use_variable
DECLARE
  wrong text := CASE
    WHEN channel IS NULL OR channel !~ '^[^[:cntrl:]]{1,200}$' THEN 'a channel is a name of 1 to 200 characters, without control characters'
    WHEN payload IS NULL THEN 'the payload is NULL; an event without one has ''{}'''
    WHEN attributes IS NULL OR jsonb_typeof(attributes) <> 'object' THEN 'attributes are a JSON object'
    WHEN at IS NULL OR NOT isfinite(at) THEN 'the time of an event is a moment, neither NULL nor infinite'
  END;
  emitted uuid;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'headwater.emit(): %', wrong USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO headwater.event (channel, at, payload, attributes) VALUES (channel, at, payload, attributes)
  RETURNING event.id INTO emitted;
  RETURN emitted;
END
$body$;
REVOKE ALL ON FUNCTION headwater.emit(text, jsonb, jsonb, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION headwater.emit(text, jsonb, jsonb, timestamptz) IS 'Emits an event in the caller''s transaction: (channel, payload, attributes, at)';
