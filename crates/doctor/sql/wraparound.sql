-- How old the oldest transaction id in each table is, against the age at which autovacuum must act. A table that is vacuumed now is left out.
SELECT n.nspname::text AS schema_name, c.relname::text AS table_name, q.age, q.allowed
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
  CROSS JOIN LATERAL (
    SELECT greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(t.relfrozenxid)) AS age,
           least(pg_catalog.current_setting('autovacuum_freeze_max_age')::int,
                 (SELECT o.option_value::int FROM pg_catalog.pg_options_to_table(c.reloptions) AS o WHERE o.option_name = 'autovacuum_freeze_max_age')) AS allowed
  ) AS q
 WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_temp' AND q.age > q.allowed
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v WHERE v.relid IN (c.oid, c.reltoastrelid))
 ORDER BY q.age DESC, 1, 2
 LIMIT 20
