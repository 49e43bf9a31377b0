CREATE MATERIALIZED VIEW cards AS
SELECT id, title FROM projects p JOIN users u ON u.id = p.user_id;
