CREATE MATERIALIZED VIEW w AS SELECT p.user_id, (SELECT count(*) FROM votes v WHERE v.user_id = p.user_id AND v.created_at > now() - interval '7 days') AS n FROM projects p GROUP BY p.user_id;
