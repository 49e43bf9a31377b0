CREATE MATERIALIZED VIEW weekly AS
SELECT p.id, (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.created_at > now() - interval '7 days') AS votes_7d FROM projects p;
CREATE UNIQUE INDEX ON weekly (id);
