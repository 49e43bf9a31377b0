CREATE MATERIALIZED VIEW voted AS
SELECT p.id, p.title FROM projects p WHERE EXISTS (SELECT FROM votes v WHERE v.project_id = p.id AND v.up);
CREATE UNIQUE INDEX ON voted (id);
