-- headwater: require keyed
CREATE MATERIALIZED VIEW project_votes AS
SELECT p.id, p.title,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) AS ups,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes
FROM projects p;
CREATE UNIQUE INDEX ON project_votes (id);
CREATE INDEX ON project_votes (ups DESC);
