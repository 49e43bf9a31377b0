-- One project gives several rows: its id is no key, so a project's rows are replaced together.
CREATE MATERIALIZED VIEW words AS
SELECT p.id, regexp_split_to_table(p.title, ' ') AS word FROM projects p;
