-- The types in $1 and all types in them. An operator class serves also the types that are binary-coercible to its own,
-- as varchar is to text; those of arrays, composites, ranges and enums are polymorphic and depend on the parts.
WITH RECURSIVE part AS (
    SELECT t.oid AS type, t.typbasetype AS oid
    FROM pg_catalog.pg_type t
    WHERE t.typtype = 'd'
    UNION ALL
    SELECT t.oid, t.typelem
    FROM pg_catalog.pg_type t
    WHERE t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc AND t.typelem <> 0
    UNION ALL
    SELECT t.oid, a.atttypid
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.typtype = 'c'
    UNION ALL
    SELECT m.oid, r.rngsubtype
    FROM pg_catalog.pg_range r
    CROSS JOIN LATERAL (VALUES (r.rngtypid), (r.rngmultitypid)) m (oid)
), wanted (oid) AS (
    SELECT u.oid
    FROM pg_catalog.unnest($1::oid[]) u (oid)
    UNION
    SELECT part.oid
    FROM wanted
    JOIN part ON part.type = wanted.oid
)
SELECT t.oid AS type,
       t.typname::text AS name,
       t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AS built_in,
       CASE WHEN t.typtype = 'e' THEN 'enum'
            WHEN t.typtype = 'd' THEN 'domain'
            WHEN t.typtype = 'c' THEN 'composite'
            WHEN t.typtype IN ('r', 'm') THEN 'range'
            WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc AND t.typelem <> 0 THEN 'array'
            ELSE 'scalar' END AS kind,
       ARRAY(SELECT part.oid FROM part WHERE part.type = t.oid) AS parts,
       s.btree,
       s.hash
FROM wanted
JOIN pg_catalog.pg_type t ON t.oid = wanted.oid
CROSS JOIN LATERAL (
    SELECT coalesce(pg_catalog.bool_or(m.amname = 'btree'), false) AS btree,
           coalesce(pg_catalog.bool_or(m.amname = 'hash' AND EXISTS (
               SELECT FROM pg_catalog.pg_amproc p
               WHERE p.amprocfamily = o.opcfamily AND p.amproclefttype = o.opcintype AND p.amprocnum = 2
           )), false) AS hash
    FROM pg_catalog.pg_opclass o
    JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
    WHERE o.opcdefault
      AND (o.opcintype = t.oid OR o.opcintype IN (
          SELECT c.casttarget
          FROM pg_catalog.pg_cast c
          WHERE c.castsource = t.oid AND c.castmethod = 'b' AND c.castcontext = 'i'
      ))
) s
