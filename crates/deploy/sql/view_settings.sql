-- What a DROP VIEW would lose of the view $1, as the statements that bring it back.
-- The rights that default privileges may have given to the new view are revoked first, so that its ACL becomes the old one.
WITH target AS (
  SELECT c.oid, c.relacl, c.relowner, c.reloptions, format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = to_regclass($1)::oid
)
SELECT 1 AS step, 0 AS n, format('ALTER VIEW %s OWNER TO %I', name, pg_get_userbyid(relowner)) AS sql
  FROM target WHERE pg_get_userbyid(relowner) <> current_user
UNION ALL
SELECT 2, 0, format('ALTER VIEW %s SET (%s)', name, array_to_string(reloptions, ', ')) FROM target WHERE reloptions IS NOT NULL
UNION ALL
SELECT 3, row_number() OVER ()::int,
       format('REVOKE ALL ON %s FROM %s', name, CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END)
  FROM target, (SELECT DISTINCT x.grantee FROM pg_default_acl d, aclexplode(d.defaclacl) x WHERE d.defaclobjtype = 'r') g
 WHERE g.grantee <> relowner
UNION ALL
SELECT 4, row_number() OVER ()::int,
       format('GRANT %s ON %s TO %s%s', x.privilege_type, name,
              CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable AND x.grantee <> relowner THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM target, aclexplode(relacl) x
 WHERE x.grantee <> relowner
UNION ALL
SELECT 5, row_number() OVER ()::int,
       format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, a.attname, name,
              CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM target JOIN pg_attribute a ON a.attrelid = target.oid AND a.attnum > 0 AND NOT a.attisdropped,
       aclexplode(a.attacl) x
 WHERE a.attname = ANY ($2::text[])
UNION ALL
SELECT 6, row_number() OVER ()::int,
       format('COMMENT ON COLUMN %s.%I IS %L', name, a.attname, d.description)
  FROM target JOIN pg_attribute a ON a.attrelid = target.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = target.oid AND d.objsubid = a.attnum
 WHERE a.attname = ANY ($2::text[])
ORDER BY 1, 2
