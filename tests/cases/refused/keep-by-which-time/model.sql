-- headwater: eventual
-- headwater: retain append keep 180 days
CREATE MATERIALIZED VIEW log AS SELECT v.project_id, v.user_id, v.created_at, p.created_at AS project_at FROM votes v JOIN projects p ON p.id = v.project_id;
CREATE UNIQUE INDEX ON log (project_id, user_id);
