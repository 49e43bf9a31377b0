-- The state of the batches: one row. $1 is the leader's advisory lock.
SELECT b.number, b.at::text AS at, b.epoch, b.pos, b.snapshot::text AS snapshot,
       extract(epoch FROM clock_timestamp() - b.at)::float8 AS age,
       (SELECT l.pid FROM pg_catalog.pg_locks AS l
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND (l.classid::bigint << 32) | l.objid::bigint = $1
           AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())) AS leader,
       EXISTS (SELECT FROM headwater.model AS m WHERE m.step IS NOT NULL OR m.changes IS NOT NULL) AS needed,
       cardinality(p.changed) + cardinality(p.truncated) > 0 OR p.noted AS waiting
  FROM (SELECT * FROM headwater.batch ORDER BY number DESC LIMIT 1) AS b,
       headwater.pending(pg_snapshot_xmax(b.snapshot), pg_snapshot_xmax(pg_current_snapshot()),
                         ARRAY(SELECT x FROM pg_snapshot_xip(b.snapshot) AS x WHERE pg_visible_in_snapshot(x, pg_current_snapshot()))) AS p
