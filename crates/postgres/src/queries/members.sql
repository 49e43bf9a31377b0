-- Partitions and inheriting children, of every level, of the tables in $1.
WITH RECURSIVE member (relation, oid) AS (
    SELECT h.inhparent, h.inhrelid
    FROM pg_catalog.pg_inherits h
    WHERE h.inhparent = ANY ($1::oid[])
    UNION
    SELECT m.relation, h.inhrelid
    FROM member m
    JOIN pg_catalog.pg_inherits h ON h.inhparent = m.oid
)
SELECT m.relation, n.nspname::text AS schema, c.relname::text AS name
FROM member m
JOIN pg_catalog.pg_class c ON c.oid = m.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY m.relation, n.nspname, c.relname
