-- Rows are due when they leave the window: the step takes their keys, and pending knows when the next one is.
-- headwater: eventual
CREATE MATERIALIZED VIEW week AS
SELECT p.id, p.title, (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.created_at > now() - interval '7 days') AS votes
FROM projects p WHERE p.created_at > now() - interval '30 days';
CREATE UNIQUE INDEX ON week (id);
