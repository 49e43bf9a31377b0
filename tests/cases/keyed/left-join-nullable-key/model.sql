-- Comments whose author has left have no author's id; the row stays, and so does its key.
CREATE MATERIALIZED VIEW comment_authors AS
SELECT c.id AS comment_id, u.id AS author_id, coalesce(u.name, 'gone') AS author
FROM comments c LEFT JOIN users u ON u.id = c.user_id;
CREATE UNIQUE INDEX ON comment_authors (comment_id, author_id);
