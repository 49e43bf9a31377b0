-- The session that holds the advisory lock $1 in this database. pg_locks keeps a bigint key in two halves.
SELECT l.pid,
       coalesce(a.application_name, '') AS application_name,
       extract(epoch FROM clock_timestamp() - a.backend_start)::float8 AS seconds
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory'
  AND l.granted
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  AND l.classid::bigint = ($1::bigint >> 32) & 4294967295
  AND l.objid::bigint = $1::bigint & 4294967295
  AND l.objsubid = 1
LIMIT 1
