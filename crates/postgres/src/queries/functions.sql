-- The functions in $1, and the functions behind those that are users' aggregates: an aggregate's own volatility says
-- nothing. An SQL function may keep its body as a tree (BEGIN ATOMIC); then prosrc is empty.
WITH behind AS (
    SELECT a.aggfnoid::oid AS aggregate, f.oid AS function
    FROM pg_catalog.pg_aggregate a
    JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
    CROSS JOIN LATERAL (VALUES (a.aggtransfn::oid), (a.aggfinalfn::oid), (a.aggmtransfn::oid), (a.aggmfinalfn::oid)) f (oid)
    WHERE a.aggfnoid = ANY ($1::oid[]) AND f.oid <> 0
)
SELECT p.oid AS function,
       n.nspname::text AS schema,
       p.proname::text AS name,
       p.provolatile::text AS volatility,
       l.lanname::text AS language,
       p.prokind = 'a' AS aggregate,
       p.proretset AS returns_set,
       CASE WHEN l.lanname IN ('internal', 'c') THEN ''
            ELSE coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) END AS source,
       ARRAY(SELECT DISTINCT b.function FROM behind b WHERE b.aggregate = p.oid) AS behind
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid = ANY ($1::oid[]) OR p.oid IN (SELECT b.function FROM behind b)
