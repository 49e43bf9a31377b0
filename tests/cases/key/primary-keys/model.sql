-- No unique index: the primary keys of the tables that determine a row; what the SELECT leaves out is stored hidden.
CREATE MATERIALIZED VIEW vote_list AS
SELECT p.title, v.up FROM votes v JOIN projects p ON p.id = v.project_id;
