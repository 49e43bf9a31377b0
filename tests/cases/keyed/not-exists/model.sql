CREATE MATERIALIZED VIEW unvoted AS
SELECT p.id, p.title FROM projects p WHERE NOT EXISTS (SELECT FROM votes v WHERE v.project_id = p.id);
CREATE UNIQUE INDEX ON unvoted (id);
