CREATE MATERIALIZED VIEW project_tallies AS
SELECT p.id, p.title, t.votes, t.ups, t.ups * 2 - t.votes AS balance
FROM projects p
LEFT JOIN LATERAL (SELECT count(*) AS votes, count(*) FILTER (WHERE v.up) AS ups FROM votes v WHERE v.project_id = p.id) t ON true;
CREATE UNIQUE INDEX ON project_tallies (id);
