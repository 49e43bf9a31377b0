CREATE MATERIALIZED VIEW cards AS SELECT p.id, CASE WHEN p.deleted THEN 1 ELSE 'no' END AS n FROM projects p WHERE p.score;
