CREATE MATERIALIZED VIEW cards AS SELECT p.id, 'live AS state FROM projects p;
