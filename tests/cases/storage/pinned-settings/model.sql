-- Text made of a timestamp depends on the session's settings: the model's functions pin them.
CREATE MATERIALIZED VIEW dated AS SELECT p.id, p.created_at::text AS day, to_char(p.created_at, 'YYYY-MM-DD HH24:MI') AS minute FROM projects p;
CREATE UNIQUE INDEX ON dated (id);
