-- The table of which each table in $1 is a partition or an inheriting child; one of them where there are several.
SELECT DISTINCT ON (h.inhrelid) h.inhrelid AS relation, n.nspname::text AS schema, c.relname::text AS name
FROM pg_catalog.pg_inherits h
JOIN pg_catalog.pg_class c ON c.oid = h.inhparent
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE h.inhrelid = ANY ($1::oid[])
ORDER BY h.inhrelid, h.inhseqno
