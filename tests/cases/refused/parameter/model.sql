CREATE MATERIALIZED VIEW mine AS SELECT p.id FROM projects p WHERE p.user_id = $1;
