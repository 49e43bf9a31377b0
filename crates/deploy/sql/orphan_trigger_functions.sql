-- Trigger functions in the schema headwater that are not among $1, with the tables whose triggers they are. Those on tables of
-- Headwater's own belong to their model, but for headwater.event, a source.
SELECT p.proname::text AS function,
       coalesce(array_agg(g.tgrelid::regclass::text ORDER BY g.tgrelid) FILTER (WHERE g.tgrelid IS NOT NULL), '{}') AS tables
  FROM pg_catalog.pg_proc p
  LEFT JOIN pg_catalog.pg_trigger g ON g.tgfoid = p.oid
 WHERE p.pronamespace = pg_catalog.to_regnamespace('headwater')
   AND p.prorettype = 'pg_catalog.trigger'::regtype
   AND p.proname <> ALL ($1::text[])
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger o JOIN pg_catalog.pg_class c ON c.oid = o.tgrelid
                    WHERE o.tgfoid = p.oid AND c.relnamespace = p.pronamespace AND c.relname <> 'event')
 GROUP BY p.proname
 ORDER BY p.proname
