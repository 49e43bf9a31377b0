-- About how many rows each table has, from the statistics: what vacuum and analyze have counted last, or what has been counted since.
SELECT n.nspname::text, c.relname::text,
       greatest(c.reltuples::bigint, coalesce(pg_catalog.pg_stat_get_live_tuples(c.oid), 0), 0)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
