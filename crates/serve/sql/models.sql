-- The serving models with the columns of their public views, in order. Types are named without lengths and scales: a cast to varchar(3) would cut
-- what is asked for, and find the rows of another.
SELECT m.schema_name, m.name, m.mode, m.access, m.retain, m.plain, m.key_columns,
       EXISTS (SELECT FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = pg_catalog.to_regclass(pg_catalog.format('headwater.%I', m.table_name)) AND i.indisunique AND i.indpred IS NULL
                  AND (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attname) FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[]))
                      = (SELECT pg_catalog.array_agg(k ORDER BY k) FROM pg_catalog.unnest(m.key_columns) AS k)) AS unique_key,
       c.names, c.types, c.bases, c.not_null
  FROM headwater.model AS m,
       LATERAL (
         SELECT pg_catalog.array_agg(v.attname::text ORDER BY v.attnum) AS names,
                pg_catalog.array_agg(pg_catalog.format_type(v.atttypid, -1) ORDER BY v.attnum) AS types,
                pg_catalog.array_agg(CASE WHEN NOT coalesce(o.collisdeterministic, true) THEN 'nondeterministic'
                                          WHEN t.typtype = 'e' THEN 'enum' ELSE t.typname::text END ORDER BY v.attnum) AS bases,
                pg_catalog.array_agg(coalesce(k.attnotnull, false) ORDER BY v.attnum) AS not_null
           FROM pg_catalog.pg_attribute AS v
           JOIN pg_catalog.pg_type AS t ON t.oid = v.atttypid
           LEFT JOIN pg_catalog.pg_collation AS o ON o.oid = v.attcollation
           LEFT JOIN pg_catalog.pg_attribute AS k
             ON k.attrelid = pg_catalog.to_regclass(pg_catalog.format('headwater.%I', m.table_name)) AND k.attname = v.attname AND k.attnum > 0
          WHERE v.attrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.name)) AND v.attnum > 0 AND NOT v.attisdropped
       ) AS c
 WHERE m.installed_at IS NOT NULL AND m.state IN ('serving', 'broken') AND c.names IS NOT NULL
 ORDER BY m.schema_name, m.name
