-- Foreign keys whose columns no index begins with: the rows that refer to a deleted or changed row are then looked for one by one. A partial
-- index serves where it leaves out nothing but NULLs, which refer to nothing.
SELECT n.nspname::text AS schema_name, t.relname::text AS table_name, k.conname::text AS name, t.relkind = 'p' AS is_partitioned,
       rn.nspname::text AS target_schema, r.relname::text AS target_name,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY u.place) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number) AS columns
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid
  JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'headwater')
   AND NOT EXISTS (
     SELECT FROM pg_catalog.pg_index AS x
       JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
       JOIN pg_catalog.pg_am AS a ON a.oid = i.relam
      WHERE x.indrelid = k.conrelid AND x.indisvalid AND x.indnkeyatts >= pg_catalog.cardinality(k.conkey)
        AND (a.amname = 'btree' OR a.amname = 'hash' AND pg_catalog.cardinality(k.conkey) = 1)
        AND (x.indkey::int2[])[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey
        AND (x.indpred IS NULL OR pg_catalog.pg_get_expr(x.indpred, x.indrelid) = ANY (
              SELECT pg_catalog.format('(%I IS NOT NULL)', b.attname) FROM pg_catalog.pg_attribute AS b
               WHERE b.attrelid = k.conrelid AND b.attnum = ANY (k.conkey))))
 ORDER BY 1, 2, 3
