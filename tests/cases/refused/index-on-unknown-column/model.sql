CREATE MATERIALIZED VIEW cards AS SELECT p.id, p.title FROM projects p;
CREATE UNIQUE INDEX ON cards (id);
CREATE INDEX ON cards (titel);
CREATE UNIQUE INDEX ON cards (project_id);
