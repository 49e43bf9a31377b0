-- The functions that turn the types in $1 into text and back.
SELECT t.oid AS type, t.typoutput::oid AS output, t.typinput::oid AS input
FROM pg_catalog.pg_type t
WHERE t.oid = ANY ($1::oid[])
