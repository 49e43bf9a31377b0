CREATE MATERIALIZED VIEW totals AS
SELECT count(*) AS votes, count(*) FILTER (WHERE v.up) AS ups, max(v.created_at) AS last_at FROM votes v;
