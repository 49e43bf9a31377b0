-- No ORDER BY inside: the arrays take the order of the primary key, so that there is one right answer.
CREATE MATERIALIZED VIEW project_comments AS
SELECT p.id, (SELECT json_agg(json_build_object('id', c.id, 'body', c.body)) FROM comments c WHERE c.project_id = p.id) AS comments,
    (SELECT array_agg(c.body ORDER BY c.created_at) FROM comments c WHERE c.project_id = p.id) AS bodies
FROM projects p;
CREATE UNIQUE INDEX ON project_comments (id);
