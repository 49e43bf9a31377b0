-- headwater: realtime
CREATE MATERIALIZED VIEW group_counts AS
SELECT
    p.id AS project_id,
    p.title,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.is_upvote) AS upvotes
FROM projects p;

CREATE UNIQUE INDEX group_counts_pkey ON group_counts (project_id);
