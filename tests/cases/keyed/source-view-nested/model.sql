-- Views of the application are read through to their tables.
CREATE MATERIALIZED VIEW board AS
SELECT t.id, t.title, t.votes, u.name FROM tallies t JOIN users u ON u.id = t.user_id;
CREATE UNIQUE INDEX ON board (id);
