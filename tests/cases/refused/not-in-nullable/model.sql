CREATE MATERIALIZED VIEW silent AS
SELECT u.id FROM users u WHERE u.id NOT IN (SELECT c.user_id FROM comments c);
