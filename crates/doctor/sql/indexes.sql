-- Every index of the application's tables and of the models', with what tells it from others. An index that is being built is left out.
SELECT n.nspname::text AS schema_name, t.relname::text AS table_name, i.relname::text AS index_name, t.relkind = 'p' AS is_partitioned,
       x.indisvalid AND x.indisready AS is_valid, x.indisunique AS is_unique, x.indisreplident AS is_identity,
       EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x')) AS is_constraint,
       EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = x.indexrelid AND k.contype = 'f') AS is_referenced,
       EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = x.indexrelid) AS is_part,
       a.amname::text AS method, x.indnatts > x.indnkeyatts AS has_more,
       (SELECT pg_catalog.array_agg(pg_catalog.concat_ws(' ', CASE WHEN x.indkey[p] = 0 THEN pg_catalog.pg_get_indexdef(x.indexrelid, p + 1, true) ELSE x.indkey[p]::text END,
                                                         x.indclass[p], x.indcollation[p], x.indoption[p]) ORDER BY p)
          FROM pg_catalog.generate_series(0, x.indnkeyatts - 1) AS p) AS keys,
       pg_catalog.pg_get_expr(x.indpred, x.indrelid) AS predicate,
       pg_catalog.pg_relation_size(i.oid) AS bytes,
       coalesce(pg_catalog.pg_stat_get_numscans(i.oid), 0) AS scans,
       extract(epoch FROM clock_timestamp() - greatest(pg_catalog.pg_postmaster_start_time(), d.stats_reset))::float8 AS counted_for
  FROM pg_catalog.pg_index AS x
  JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_am AS a ON a.oid = i.relam
  LEFT JOIN pg_catalog.pg_stat_database AS d ON d.datname = pg_catalog.current_database()
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' AND t.relkind IN ('r', 'p', 'm')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS b WHERE b.index_relid = x.indexrelid)
 ORDER BY 1, 2, 3
