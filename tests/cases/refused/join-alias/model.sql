CREATE MATERIALIZED VIEW j AS SELECT both.title, both.name FROM (projects p JOIN users u ON u.id = p.user_id) AS both (id, user_id, title, category, score, deleted, created_at, uid, name);
