CREATE MATERIALIZED VIEW project_weights AS
SELECT p.id,
    coalesce((SELECT sum(v.weight) FROM votes v WHERE v.project_id = p.id), 0) AS weight,
    (SELECT avg(v.weight) FROM votes v WHERE v.project_id = p.id AND v.up) AS mean
FROM projects p;
CREATE UNIQUE INDEX ON project_weights (id);
