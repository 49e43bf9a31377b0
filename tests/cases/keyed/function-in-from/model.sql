CREATE MATERIALIZED VIEW post_tags AS
SELECT p.id, t.tag, t.position FROM posts p CROSS JOIN LATERAL unnest(p.tags) WITH ORDINALITY AS t (tag, position);
