-- Every version of every model, the serving one first.
SELECT schema_name, name, version, table_name, state, reason, broken_at::text AS broken_at, mode, tier, timed,
       key_columns, columns, sources, definition, file, generation,
       compare_summary, compare_sample, compare_repair, discard,
       to_jsonb(model) ->> 'rebuild' AS rebuild, to_jsonb(model) ->> 'step' AS step,
       to_jsonb(model) ->> 'access' AS access, to_jsonb(model) ->> 'retain' AS retain,
       CASE WHEN to_jsonb(model) ->> 'follow' IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(to_jsonb(model) -> 'follow')) END AS follow,
       coalesce((to_jsonb(model) ->> 'plain')::boolean, false) AS plain,
       boundaries, filled_ranges, filled, backfill_ms, installed_at::text AS installed_at
  FROM headwater.model
 ORDER BY schema_name, name, installed_at IS NULL, started_at
