-- The objects of a version, as PostgreSQL writes them. $1: the version; $2: the public view; $3: the model table; $4: the source tables.
SELECT 1 AS place, 'view' AS kind, c.relname::text AS name,
       pg_catalog.format(E'CREATE VIEW %s AS\n%s', c.oid::regclass, pg_catalog.pg_get_viewdef(c.oid)) AS sql
  FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass($2) AND c.relkind = 'v'
UNION ALL
SELECT 2, 'table', c.relname::text,
       pg_catalog.format(E'CREATE TABLE headwater.%I (\n%s\n)', c.relname,
         (SELECT pg_catalog.string_agg(pg_catalog.format('  %I %s%s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' NOT NULL' END), E',\n' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass($3)
UNION ALL
SELECT 3, 'index', i.indexrelid::regclass::text, pg_catalog.pg_get_indexdef(i.indexrelid)
  FROM pg_catalog.pg_index AS i WHERE i.indrelid = to_regclass($3)
UNION ALL
SELECT 4, 'view', c.relname::text, pg_catalog.format(E'CREATE VIEW headwater.%I AS\n%s', c.relname, pg_catalog.pg_get_viewdef(c.oid))
  FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = to_regnamespace('headwater') AND c.relkind = 'v' AND pg_catalog.strpos(c.relname, '_' || $1 || '_') > 0
UNION ALL
SELECT 5, 'function', p.proname::text, pg_catalog.pg_get_functiondef(p.oid)
  FROM pg_catalog.pg_proc AS p
 WHERE p.pronamespace = to_regnamespace('headwater') AND p.prokind = 'f' AND pg_catalog.strpos(p.proname, '_' || $1 || '_') > 0
UNION ALL
SELECT DISTINCT 6, 'trigger', g.tgname || ' on ' || g.tgrelid::regclass, pg_catalog.pg_get_triggerdef(g.oid)
  FROM pg_catalog.pg_trigger AS g
  JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid AND p.pronamespace = to_regnamespace('headwater')
 WHERE g.tgrelid IN (SELECT to_regclass(s) FROM unnest($4::text[]) AS s)
UNION ALL
SELECT DISTINCT 7, 'trigger function', p.proname::text, pg_catalog.pg_get_functiondef(p.oid)
  FROM pg_catalog.pg_trigger AS g
  JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid AND p.pronamespace = to_regnamespace('headwater')
 WHERE g.tgrelid IN (SELECT to_regclass(s) FROM unnest($4::text[]) AS s)
 ORDER BY 1, 3
