-- What everybody may do in Headwater's schema, and in which other schemas everybody may create things.
SELECT 'SCHEMA' AS kind, n.nspname::text AS schema_name, '' AS name, '' AS arguments
  FROM pg_catalog.pg_namespace AS n
 WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a
                WHERE a.grantee = 0 AND (n.nspname = 'headwater' OR a.privilege_type = 'CREATE'))
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'TABLE', n.nspname::text, c.relname::text, ''
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = 'headwater' AND EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) AS a WHERE a.grantee = 0)
UNION ALL
SELECT 'FUNCTION', n.nspname::text, p.proname::text, pg_catalog.pg_get_function_identity_arguments(p.oid)
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname = 'headwater'
   AND EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a WHERE a.grantee = 0)
 ORDER BY 1, 2, 3, 4
