-- The planner's row counts of the tables in $1, members included; only tables that hold rows themselves count.
WITH RECURSIVE member (relation, oid) AS (
    SELECT t.oid, t.oid
    FROM pg_catalog.unnest($1::oid[]) t (oid)
    UNION
    SELECT m.relation, h.inhrelid
    FROM member m
    JOIN pg_catalog.pg_inherits h ON h.inhparent = m.oid
)
SELECT m.relation, coalesce(pg_catalog.sum(greatest(c.reltuples::float8, 0)) FILTER (WHERE c.relkind <> 'p'), 0) AS rows
FROM member m
JOIN pg_catalog.pg_class c ON c.oid = m.oid
GROUP BY m.relation
