-- Puts the schema $1 before the session's own path until the transaction ends.
SELECT pg_catalog.set_config(
    'search_path',
    pg_catalog.concat_ws(', ', $1::text, nullif(pg_catalog.current_setting('search_path'), '')),
    true
)
