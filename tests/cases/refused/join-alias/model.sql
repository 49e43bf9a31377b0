CREATE MATERIALIZED VIEW j AS SELECT j.title, j.name FROM (projects p JOIN users u ON u.id = p.user_id) AS j (id, user_id, title, category, score, deleted, created_at, uid, name);
