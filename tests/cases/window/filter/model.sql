CREATE MATERIALIZED VIEW lately AS
SELECT v.user_id, count(*) AS votes, count(*) FILTER (WHERE v.created_at > now() - interval '24 hours') AS today FROM votes v GROUP BY v.user_id;
CREATE UNIQUE INDEX ON lately (user_id);
