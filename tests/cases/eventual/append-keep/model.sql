-- An event log: rows are added, stay as they are, and leave when they are old.
-- headwater: eventual
-- headwater: retain append keep 180 days
CREATE MATERIALIZED VIEW events AS
SELECT v.project_id, v.user_id, p.title, v.created_at FROM votes v JOIN projects p ON p.id = v.project_id;
CREATE UNIQUE INDEX ON events (project_id, user_id);
