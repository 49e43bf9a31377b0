-- `||` of a text and anything else prints that with the session's settings, so they are pinned; it reads no table.
CREATE MATERIALIZED VIEW links AS
SELECT p.id, '/projects/' || p.id AS link, p.created_at || ' UTC' AS since FROM projects p;
