CREATE MATERIALIZED VIEW v AS SELECT p.id, owner_name(p.user_id) AS owner FROM projects p;
