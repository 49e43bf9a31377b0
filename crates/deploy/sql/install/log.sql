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
       SELECT $4, $5 + row_number() OVER (), $6, now(), $7, c.op, c.key, c."row", %s FROM %s($1, $2, $3) AS c',
      -- A model that an older Headwater installed, and that serves until this apply's swap, does not tell what rows were.
      CASE WHEN EXISTS (SELECT FROM pg_proc AS p WHERE p.oid = to_regproc(m.changes) AND 'old' = ANY (p.proargnames)) THEN 'c.old' ELSE 'NULL::jsonb' END,
      m.changes)
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
