-- Inside a correlated sub-select the paths go over its own joins, up to the row outside.
CREATE MATERIALIZED VIEW active_votes AS
SELECT p.id, (
    SELECT count(*) FROM votes v JOIN users u ON u.id = v.user_id JOIN orgs o ON o.id = u.org_id
    WHERE v.project_id = p.id AND o.active
) AS n
FROM projects p;
CREATE UNIQUE INDEX ON active_votes (id);
