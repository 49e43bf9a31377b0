-- The indexes of some tables of a schema that no constraint made, each with what follows its table's name. $1: the schema, $2: the tables.
SELECT c.relname::text AS table_name, i.relname::text AS name, x.indisunique AS is_unique, c.relkind = 'p' AS is_partitioned,
       pg_catalog.substr(pg_catalog.pg_get_indexdef(x.indexrelid, 0, true),
                         1 + pg_catalog.strpos(pg_catalog.pg_get_indexdef(x.indexrelid, 0, true), pg_catalog.concat(' USING ', m.amname, ' ('))) AS definition
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid
  JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1)::oid AND c.relkind IN ('r', 'p') AND c.relname = ANY ($2)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = x.indexrelid)
 ORDER BY 1, 2
