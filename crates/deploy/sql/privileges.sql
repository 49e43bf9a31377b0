-- What the connected role lacks: each row is one missing right.
-- $1: source tables and their partitions, $2: schemas of the models, $3: true when the schema headwater is there.
-- A trigger that fires always, session_replication_role or not, can only be made by the table's owner.
SELECT 'table' AS kind, t AS object, 'SELECT' AS privilege, current_user::text AS role
  FROM unnest($1::text[]) AS t
 WHERE to_regclass(t) IS NOT NULL AND NOT has_table_privilege(to_regclass(t)::oid, 'SELECT')
UNION ALL
SELECT 'table owner', t, pg_get_userbyid(c.relowner)::text, current_user::text
  FROM unnest($1::text[]) AS t JOIN pg_class c ON c.oid = to_regclass(t)::oid
 WHERE NOT pg_has_role(c.relowner, 'USAGE')
UNION ALL
SELECT 'schema', s, 'CREATE', current_user::text
  FROM unnest($2::text[]) AS s
 WHERE EXISTS (SELECT FROM pg_namespace WHERE nspname = s)
   AND NOT has_schema_privilege(current_user, (SELECT oid FROM pg_namespace WHERE nspname = s), 'CREATE')
UNION ALL
SELECT 'schema missing', s, 'CREATE', current_user::text
  FROM unnest($2::text[]) AS s
 WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = s)
UNION ALL
SELECT 'database', current_database()::text, 'CREATE', current_user::text
 WHERE NOT $3::boolean AND NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT 'owner', 'headwater', 'OWNER', current_user::text
 WHERE $3::boolean
   AND NOT pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = 'headwater'), 'USAGE')
ORDER BY 1, 2, 3
