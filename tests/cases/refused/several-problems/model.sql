-- Every problem of every model, in one go.
CREATE MATERIALIZED VIEW one AS SELECT p.titel FROM projects p;
CREATE MATERIALIZED VIEW two AS SELECT p.id, random() AS r FROM projects p;
CREATE MATERIALIZED VIEW fine AS SELECT p.id FROM projects p;
CREATE INDEX ON thre (id);
CREATE MATERIALIZED VIEW four AS SELECT FROM WHERE;
