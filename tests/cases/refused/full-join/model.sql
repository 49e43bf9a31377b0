CREATE MATERIALIZED VIEW f AS SELECT p.id AS project_id, u.id AS user_id FROM projects p FULL JOIN users u ON u.id = p.user_id;
