-- $1: source tables, $2: for each the name of a trigger function that it must have (the two arrays run in parallel).
-- Returns every (table, function) where the table, or one of its partitions or inheriting children, lacks a
-- trigger on that function that fires always (ENABLE ALWAYS, so under session_replication_role = replica too). Partitions attached since the last apply show up here.
WITH RECURSIVE wanted AS (
  SELECT pg_catalog.to_regclass(t.source)::oid AS relid, t.source, t.function
    FROM unnest($1::text[], $2::text[]) AS t(source, function)
), members AS (
  SELECT DISTINCT w.relid AS root, w.relid FROM wanted w WHERE w.relid IS NOT NULL
  UNION
  SELECT m.root, i.inhrelid FROM members m JOIN pg_catalog.pg_inherits i ON i.inhparent = m.relid
)
SELECT w.source, m.relid::regclass::text AS relation, w.function, t.tgenabled IS NOT NULL AS disabled
  FROM wanted w
  JOIN members m ON m.root = w.relid
  JOIN pg_catalog.pg_class c ON c.oid = m.relid AND c.relkind IN ('r', 'p')
  LEFT JOIN LATERAL (
    SELECT g.tgenabled
      FROM pg_catalog.pg_trigger g
      JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid
     WHERE g.tgrelid = m.relid
       AND p.proname = w.function
       AND p.pronamespace = pg_catalog.to_regnamespace('headwater')
     ORDER BY g.tgenabled = 'A' DESC
     LIMIT 1
  ) AS t ON true
 WHERE t.tgenabled IS NULL OR t.tgenabled <> 'A'
 ORDER BY 1, 2, 3
