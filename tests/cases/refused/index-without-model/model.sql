CREATE INDEX ON cards (title);

CREATE MATERIALIZED VIEW card AS SELECT p.id, p.title FROM projects p;
CREATE INDEX ON crad (title);
