-- Who holds a lock on one of the tables $1 that keeps a trigger from being created or dropped. Oldest first.
-- With $2 every lock counts (DROP TRIGGER waits for readers too), without only locks that writers take.
SELECT l.relation::regclass::text AS relation, a.pid, coalesce(a.usename::text, '') AS usename,
       coalesce(a.state, '') AS state,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start))::float8 AS age,
       left(regexp_replace(coalesce(a.query, ''), '\s+', ' ', 'g'), 200) AS query
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.granted
   AND l.locktype = 'relation'
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
   AND l.relation = ANY (SELECT to_regclass(t)::oid FROM unnest($1::text[]) AS t)
   AND l.pid <> pg_backend_pid()
   AND ($2::boolean OR l.mode NOT IN ('AccessShareLock', 'RowShareLock'))
 ORDER BY 5 DESC
 LIMIT 3
