-- True where everything that one snapshot sees is seen by the other.
CREATE OR REPLACE FUNCTION headwater.covers(seen pg_snapshot, target pg_snapshot) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $body$
  SELECT pg_snapshot_xmax(seen) >= pg_snapshot_xmax(target)
     AND NOT EXISTS (SELECT FROM pg_snapshot_xip(seen) AS x WHERE pg_visible_in_snapshot(x, target))
$body$;

-- True while a session of this database holds the leader's advisory lock, whose key are the bytes of 'hwtrmain' (LEADER_KEY).
CREATE OR REPLACE FUNCTION headwater.has_leader() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $body$
  SELECT EXISTS (
    SELECT FROM pg_locks AS l
     WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
       AND l.classid::bigint << 32 | l.objid::bigint = ('x' || encode('hwtrmain', 'hex'))::bit(64)::bigint)
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
              HINT = CASE WHEN headwater.has_leader()
                     THEN 'Batches take longer than that, or wait for a lock: see headwater status.'
                     ELSE 'No leader is running: start headwater maintain.' END;
    END IF;
    PERFORM pg_sleep(0.002);
  END LOOP;
END
$body$;
COMMENT ON FUNCTION headwater.wait(interval) IS 'Waits until everything that had committed before the call is in the models';
