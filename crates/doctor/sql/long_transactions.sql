-- Transactions of this database that are open for long; and whether there are sessions of which this role may see nothing.
SELECT a.pid, coalesce(a.usename::text, '') AS role, coalesce(a.state, '') AS state, coalesce(pg_catalog.left(a.query, 120), '') AS query,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds,
       a.backend_start IS NULL AS hidden
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
   AND (a.backend_type = 'client backend' AND a.xact_start < clock_timestamp() - pg_catalog.make_interval(secs => $1)
        OR a.backend_start IS NULL)
 ORDER BY a.xact_start, a.pid
