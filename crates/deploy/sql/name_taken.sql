-- What already bears the name $1.$2, if anything: relations, then types of their own.
SELECT CASE c.relkind
         WHEN 'r' THEN 'a table' WHEN 'p' THEN 'a partitioned table' WHEN 'v' THEN 'a view'
         WHEN 'm' THEN 'a materialized view' WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index'
         WHEN 'S' THEN 'a sequence' WHEN 'f' THEN 'a foreign table' WHEN 'c' THEN 'a composite type'
         ELSE 'a relation' END AS kind,
       c.relkind = 'v' AND coalesce(obj_description(c.oid, 'pg_class') LIKE 'Headwater model%', false) AS ours,
       pg_has_role(c.relowner, 'USAGE') AS mine,
       pg_get_userbyid(c.relowner)::text AS owner
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2
UNION ALL
SELECT 'a type', false, pg_has_role(t.typowner, 'USAGE'), pg_get_userbyid(t.typowner)::text
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname = $1 AND t.typname = $2 AND t.typrelid = 0
