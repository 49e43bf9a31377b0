-- Votes are folded into the rows, projects recompute theirs; one queue for each.
-- headwater: eventual
CREATE MATERIALIZED VIEW project_votes AS
SELECT p.id, p.title,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) AS ups,
    (SELECT sum(v.weight) FROM votes v WHERE v.project_id = p.id) AS weight,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) - p.score AS heat
FROM projects p;
CREATE UNIQUE INDEX ON project_votes (id);
