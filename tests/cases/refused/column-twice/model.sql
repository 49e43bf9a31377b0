CREATE MATERIALIZED VIEW cards AS SELECT p.id, u.id FROM projects p JOIN users u ON u.id = p.user_id;
