-- headwater: eventual
CREATE MATERIALIZED VIEW activity AS
SELECT 'vote' AS kind, v.project_id, v.user_id, v.created_at FROM votes v
UNION ALL
SELECT 'project', p.id, p.user_id, p.created_at FROM projects p WHERE NOT p.deleted;
