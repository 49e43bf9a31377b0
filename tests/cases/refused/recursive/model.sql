CREATE MATERIALIZED VIEW tree AS
WITH RECURSIVE t AS (SELECT id, parent_id FROM comments WHERE parent_id IS NULL UNION ALL SELECT c.id, c.parent_id FROM comments c JOIN t ON t.id = c.parent_id)
SELECT id FROM t;
