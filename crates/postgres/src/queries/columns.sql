-- The columns of the relations in $1. Since version 18 a NOT NULL constraint may be there without having been checked.
SELECT a.attrelid AS relation,
       a.attname::text AS name,
       a.atttypid AS type,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_sql,
       coalesce(l.collisdeterministic, false) AS deterministic,
       a.attnotnull AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_constraint o
           WHERE o.conrelid = a.attrelid AND o.contype = 'n' AND o.conkey = ARRAY[a.attnum] AND NOT o.convalidated
       ) AS not_null
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = ANY ($1::oid[])
  AND a.attnum > 0
  AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
