CREATE MATERIALIZED VIEW w AS SELECT p.id FROM projects p WHERE p.created_at > now() - interval '1 month';
