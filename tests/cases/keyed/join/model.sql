-- A rename reaches the projects of the user; the lock for the joined value lets two writers meet.
CREATE MATERIALIZED VIEW project_cards AS
SELECT p.id, p.title, u.name AS author FROM projects p JOIN users u ON u.id = p.user_id WHERE NOT p.deleted;
CREATE UNIQUE INDEX ON project_cards (id);
