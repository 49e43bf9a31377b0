-- Columns computed from counts are computed anew in the same UPDATE; only the parts are counted.
CREATE MATERIALIZED VIEW hot AS
SELECT p.id, (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) * 2 + p.score AS heat,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) > 10 AS is_hot
FROM projects p;
CREATE UNIQUE INDEX ON hot (id);
