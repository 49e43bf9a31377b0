-- One row per model version with what `status` shows. `healed`: since the last verify, everything was computed or compared anew.
SELECT m.schema_name, m.name, m.version, m.table_name,
       CASE WHEN m.state = 'serving' AND EXISTS (SELECT FROM headwater.missed AS q WHERE q.model = m.table_name) THEN 'broken' ELSE m.state END AS state,
       coalesce(m.reason, (SELECT 'a write failed to maintain it' FROM headwater.missed AS q WHERE q.model = m.table_name LIMIT 1)) AS reason, m.broken_at::text AS broken_at,
       m.mode, m.tier, m.timed, m.key_columns, m.file, m.filled, m.filled_ranges,
       coalesce(cardinality(m.boundaries) + 1, 0) AS ranges, m.backfill_ms, m.installed_at::text AS installed_at,
       extract(epoch FROM clock_timestamp() - m.dirty_since)::float8 AS dirty_for, m.failures,
       extract(epoch FROM m.retry_at - clock_timestamp())::float8 AS retry_in,
       m.verified_at::text AS verified_at, m.verified_exact, m.verified_found,
       coalesce(greatest(m.repaired_at, m.rebuilt_at) >= m.verified_at, false) AS healed,
       m.sources, extract(epoch FROM m.max_lag)::float8 AS max_lag, extract(epoch FROM clock_timestamp() - m.broken_at)::float8 AS broken_for,
       m.step IS NOT NULL AND (m.sources && p.changed OR m.sources && p.truncated OR m.table_name = ANY (p.due)) AS waiting,
       greatest(coalesce(c.reltuples, 0), 0)::bigint AS estimated_rows,
       coalesce(pg_total_relation_size(c.oid), 0)::bigint AS bytes
  FROM headwater.model m
 CROSS JOIN (SELECT b.snapshot FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1) AS b
 CROSS JOIN LATERAL headwater.pending(pg_snapshot_xmax(b.snapshot), pg_snapshot_xmax(pg_current_snapshot()),
                         ARRAY(SELECT x FROM pg_snapshot_xip(b.snapshot) AS x WHERE pg_visible_in_snapshot(x, pg_current_snapshot()))) AS p
  LEFT JOIN pg_catalog.pg_class c ON c.relname = m.table_name AND c.relnamespace = to_regnamespace('headwater')
 WHERE m.state <> 'retired'
 ORDER BY m.schema_name, m.name, m.installed_at IS NULL
