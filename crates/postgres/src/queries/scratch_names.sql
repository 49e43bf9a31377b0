-- For each model ($1 schemas, $2 names): may a view with its bare name stand for it? Only where the session would look
-- for the model's schema anyway, and the bare name finds nothing else today.
SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS may_create_schema,
       m.schema = ANY (pg_catalog.current_schemas(false)::text[])
           AND (c.oid IS NULL OR n.nspname = m.schema) AS found_by_its_name
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) WITH ORDINALITY AS m (schema, name, place)
LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(m.name))
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY m.place
