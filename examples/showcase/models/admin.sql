-- The admin dashboard, which document 003 promises ("on key events (feedback, reports)") without a table: how long the
-- moderators' queues are, and the reports themselves with what they are about.

-- One row per queue and status that occurs. The queues are short and change rarely, so a row that many writers share is
-- no bottleneck here; a row that every vote would change would be one.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW admin_dashboard AS
SELECT
    q.queue,
    q.status,
    count(*) AS items,
    count(*) FILTER (WHERE q.created_at > now() - INTERVAL '24 hours') AS items_24h,
    min(q.created_at) AS oldest_at,
    max(q.created_at) AS newest_at,
    max(q.updated_at) AS last_change_at
FROM (
    SELECT 'reports' AS queue, status, created_at, updated_at FROM reports
    UNION ALL
    SELECT 'feedback', status, created_at, updated_at FROM feedback
    UNION ALL
    SELECT 'investor requests', status, created_at, coalesce(approved_at, created_at) FROM investor_requests
) q
GROUP BY q.queue, q.status;

CREATE UNIQUE INDEX admin_dashboard_key ON admin_dashboard (queue, status);

-- Open and settled reports. The reporter may have left (NULL); the reported project or comment is there, or the report
-- would have gone with it.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW admin_reports AS
SELECT
    r.id,
    r.status,
    r.reason,
    r.details,
    r.created_at,
    r.updated_at,
    r.reporter_id,
    reporter.username AS reporter_username,
    CASE WHEN r.comment_id IS NULL THEN 'project' ELSE 'comment' END AS subject_type,
    coalesce(p.id, commented.id) AS project_id,
    coalesce(p.title, commented.title) AS project_title,
    c.content AS comment_content,
    coalesce(author.id, owner.id) AS reported_user_id,
    coalesce(author.username, owner.username) AS reported_username,
    coalesce(author.email, owner.email) AS reported_email,
    (SELECT count(*) FROM reports same WHERE same.project_id = r.project_id) AS reports_on_project
FROM reports r
LEFT JOIN users reporter ON reporter.id = r.reporter_id
LEFT JOIN projects p ON p.id = r.project_id
LEFT JOIN users owner ON owner.id = p.user_id
LEFT JOIN comments c ON c.id = r.comment_id
LEFT JOIN projects commented ON commented.id = c.project_id
LEFT JOIN users author ON author.id = c.user_id;

CREATE UNIQUE INDEX admin_reports_id ON admin_reports (id);
CREATE INDEX admin_reports_status ON admin_reports (status, created_at DESC);
