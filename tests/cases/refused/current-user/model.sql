CREATE MATERIALIZED VIEW mine AS SELECT p.id FROM projects p JOIN users u ON u.id = p.user_id WHERE u.name = current_user;
