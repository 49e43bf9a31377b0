CREATE MATERIALIZED VIEW n AS SELECT count(*) AS a, (SELECT max(score) FROM projects) AS b FROM users u CROSS JOIN projects p GROUP BY u.verified IS NULL AND p.deleted;
