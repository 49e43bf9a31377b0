-- The score falls with time, for all rows alike: its time-free part is stored and indexed, the order is its order.
CREATE MATERIALIZED VIEW trending AS
SELECT p.id, p.title,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id) * 2 + extract(epoch FROM now() - p.created_at) / 3600 * -0.1 AS trending
FROM projects p
ORDER BY trending DESC;
CREATE UNIQUE INDEX ON trending (id);
CREATE INDEX trending_order ON trending (trending DESC);
