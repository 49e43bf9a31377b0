CREATE MATERIALIZED VIEW busy_users AS
SELECT p.user_id, count(*) AS projects FROM projects p WHERE NOT p.deleted GROUP BY p.user_id HAVING count(*) >= 2;
CREATE UNIQUE INDEX ON busy_users (user_id);
