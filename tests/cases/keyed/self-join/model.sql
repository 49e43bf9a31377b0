CREATE MATERIALIZED VIEW threads AS
SELECT c.id, c.body, parent.body AS reply_to, (SELECT count(*) FROM comments reply WHERE reply.parent_id = c.id AND NOT reply.deleted) AS replies
FROM comments c LEFT JOIN comments parent ON parent.id = c.parent_id;
CREATE UNIQUE INDEX ON threads (id);
