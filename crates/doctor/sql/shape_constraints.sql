-- The constraints of some tables of a schema. $1: the schema, $2: the tables.
SELECT c.relname::text AS table_name, k.conname::text AS name, pg_catalog.pg_get_constraintdef(k.oid, true) AS definition, k.contype = 'f' OR k.contype = 'c' AS can_wait
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x')
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1)::oid AND c.relkind IN ('r', 'p') AND c.relname = ANY ($2) AND k.coninhcount = 0
 ORDER BY 1, 2
