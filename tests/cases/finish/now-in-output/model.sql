CREATE MATERIALIZED VIEW ages AS
SELECT p.id, now() - p.created_at AS age, CASE WHEN p.created_at > now() - interval '1 day' THEN 'new' ELSE p.category END AS label FROM projects p;
CREATE UNIQUE INDEX ON ages (id);
