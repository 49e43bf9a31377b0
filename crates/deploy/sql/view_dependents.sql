-- What depends on the view $1 or on its row type, described for people; $2: views that do not count because they go too.
WITH target AS (
  SELECT c.oid, c.reltype, (SELECT t.typarray FROM pg_type t WHERE t.oid = c.reltype) AS arraytype
    FROM pg_class c WHERE c.oid = to_regclass($1)::oid
), dependent AS (
  SELECT DISTINCT d.classid, d.objid, d.objsubid
    FROM pg_depend d, target t
   WHERE ((d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid)
       OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.reltype, t.arraytype)))
     AND d.deptype IN ('n', 'a')
     AND NOT (d.classid = 'pg_type'::regclass AND d.objid IN (t.reltype, t.arraytype))
     AND NOT (d.classid = 'pg_class'::regclass AND d.objid = t.oid)
), named AS (
  SELECT CASE WHEN d.classid = 'pg_rewrite'::regclass THEN r.ev_class END AS relation,
         pg_describe_object(d.classid, d.objid, d.objsubid) AS described
    FROM dependent d
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
)
SELECT DISTINCT coalesce(pg_describe_object('pg_class'::regclass, relation, 0), described) AS dependent
  FROM named
 WHERE relation IS NULL
    OR (relation <> (SELECT oid FROM target)
        AND relation NOT IN (SELECT to_regclass(v)::oid FROM unnest($2::text[]) AS v WHERE to_regclass(v) IS NOT NULL)
        AND relation NOT IN (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('headwater')))
 ORDER BY 1
