-- An event log whose rows go with their sources, and one of whose columns follows them; the title stays as it was.
-- headwater: eventual
-- headwater: retain append keep 180 days follow team
CREATE MATERIALIZED VIEW events AS
SELECT v.project_id, v.user_id, p.title, u.team, v.created_at FROM votes v JOIN projects p ON p.id = v.project_id JOIN users u ON u.id = v.user_id;
CREATE UNIQUE INDEX ON events (project_id, user_id);
