-- A form for which there is no rule.
-- headwater: eventual
CREATE MATERIALIZED VIEW everybody AS
SELECT u.id AS user_id, p.id AS project_id, u.name, p.title FROM users u FULL JOIN projects p ON p.user_id = u.id;
