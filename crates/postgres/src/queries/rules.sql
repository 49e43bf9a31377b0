-- The SELECT of each view in $1, as text and as the stored tree. Needs search_path = pg_catalog, so that every other
-- name in the text is qualified.
SELECT r.ev_class AS view,
       pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.ev_class, false), ';') AS definition,
       r.ev_action::text AS tree
FROM pg_catalog.pg_rewrite r
WHERE r.ev_class = ANY ($1::oid[])
  AND r.rulename = '_RETURN'
