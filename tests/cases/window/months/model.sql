-- Months have no fixed length, so rows stay stored and the finish alone leaves them out.
CREATE MATERIALIZED VIEW w AS SELECT p.id FROM projects p WHERE p.created_at > now() - interval '1 month';
