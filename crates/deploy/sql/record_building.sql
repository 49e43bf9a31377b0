INSERT INTO headwater.model
  (schema_name, name, version, table_name, state, mode, tier, timed, key_columns, columns, sources, definition, file,
   generation, compare_summary, compare_sample, compare_repair, discard,
   rebuild, changes, trim, max_lag, diff_sources, access, retain, plain, follow, explanation)
VALUES ($1, $2, $3, $4, 'building', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
   $18, $19, $20, $21::text::interval, $22, $23, $24, $25, $26, $27)
