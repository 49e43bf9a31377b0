-- Names and kinds of the relations in $1. Views of the system are not looked into.
SELECT c.oid AS relation,
       n.nspname::text AS schema,
       c.relname::text AS name,
       CASE WHEN n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') THEN 'system'
            WHEN c.relkind = 'v' THEN 'view'
            WHEN c.relpersistence = 't' THEN 'temporary'
            WHEN c.relkind = 'p' THEN 'partitioned'
            WHEN c.relkind = 'f' THEN 'foreign'
            WHEN c.relkind = 'm' THEN 'materialized'
            WHEN c.relkind = 'r' THEN 'ordinary'
            ELSE 'system' END AS kind
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::oid[])
