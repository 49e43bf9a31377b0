-- One row per model version with what `status` shows.
SELECT m.schema_name, m.name, m.version, m.table_name,
       CASE WHEN m.state = 'serving' AND EXISTS (SELECT FROM headwater.missed AS q WHERE q.model = m.table_name) THEN 'broken' ELSE m.state END AS state,
       coalesce(m.reason, (SELECT 'a write failed to maintain it' FROM headwater.missed AS q WHERE q.model = m.table_name LIMIT 1)) AS reason, m.broken_at::text AS broken_at,
       m.mode, m.tier, m.timed, m.key_columns, m.file, m.filled, m.filled_ranges,
       coalesce(cardinality(m.boundaries) + 1, 0) AS ranges, m.backfill_ms, m.installed_at::text AS installed_at,
       extract(epoch FROM clock_timestamp() - m.dirty_since)::float8 AS dirty_for, m.failures,
       extract(epoch FROM m.retry_at - clock_timestamp())::float8 AS retry_in,
       m.verified_at::text AS verified_at, m.verified_exact,
       greatest(coalesce(c.reltuples, 0), 0)::bigint AS estimated_rows,
       coalesce(pg_total_relation_size(c.oid), 0)::bigint AS bytes
  FROM headwater.model m
  LEFT JOIN pg_catalog.pg_class c ON c.relname = m.table_name AND c.relnamespace = to_regnamespace('headwater')
 WHERE m.state <> 'retired'
 ORDER BY m.schema_name, m.name, m.installed_at IS NULL
