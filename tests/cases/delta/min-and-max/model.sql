-- They grow by arithmetic; when the extreme itself goes, the key is recomputed.
CREATE MATERIALIZED VIEW project_dates AS
SELECT p.id,
    (SELECT min(v.created_at) FROM votes v WHERE v.project_id = p.id) AS first_vote,
    (SELECT max(v.created_at) FROM votes v WHERE v.project_id = p.id) AS last_vote
FROM projects p;
CREATE UNIQUE INDEX ON project_dates (id);
