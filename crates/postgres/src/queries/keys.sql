-- The keys of the tables in $1: valid, immediate, whole-table unique indexes over plain NOT NULL columns, the primary
-- key first. An ordinary table with inheriting children has none: its indexes do not reach into the children. An index
-- whose collation is not its column's says nothing about the column's own equality.
SELECT i.indrelid AS relation,
       k.columns
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
CROSS JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname::text ORDER BY u.place) AS columns,
           pg_catalog.bool_and(
               a.attnotnull
               AND i.indcollation[u.place - 1] = a.attcollation
               AND NOT EXISTS (
                   SELECT FROM pg_catalog.pg_constraint o
                   WHERE o.conrelid = a.attrelid AND o.contype = 'n' AND o.conkey = ARRAY[a.attnum]
                     AND NOT o.convalidated
               )
           ) AS fit
    FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY u (attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
    WHERE u.place <= i.indnkeyatts
) k
WHERE i.indrelid = ANY ($1::oid[])
  AND i.indisunique
  AND i.indisvalid
  AND i.indimmediate
  AND NOT i.indisexclusion
  AND i.indpred IS NULL
  AND i.indexprs IS NULL
  AND k.fit
  AND (t.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = t.oid))
ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid
