-- Investors: document 003's directory, and the investor dashboard that it promises without a table.

-- Choices: no e-mail address, which 003 put on a public page. An investor approved twice is listed once, with the latest
-- approval (003 listed every approved request).

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW mv_investors_directory AS
SELECT
    ir.id,
    ir.user_id,
    ir.status,
    ir.created_at,
    ir.approved_at,

    -- User info
    u.username,
    u.profile_image,
    u.bio,

    -- Investor details
    ir.company_name,
    ir.investment_focus,
    ir.ticket_size,
    ir.portfolio_url,
    ir.linkedin_url,

    -- Activity metrics
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = ir.user_id) AS intro_requests_sent,
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = ir.user_id AND i.status = 'approved') AS intros_approved
FROM investor_requests ir
JOIN users u ON ir.user_id = u.id
WHERE ir.status = 'approved'
  AND NOT EXISTS (
      SELECT FROM investor_requests newer
      WHERE newer.user_id = ir.user_id
        AND newer.status = 'approved'
        AND (newer.approved_at > ir.approved_at OR newer.approved_at = ir.approved_at AND newer.id > ir.id)
  )
ORDER BY ir.approved_at DESC;

CREATE UNIQUE INDEX idx_mv_investors_id ON mv_investors_directory (id);
CREATE INDEX idx_mv_investors_user ON mv_investors_directory (user_id);
CREATE INDEX idx_mv_investors_focus ON mv_investors_directory (investment_focus);
CREATE INDEX idx_mv_investors_approved ON mv_investors_directory (approved_at DESC);

-- An approved investor's own page: the state of the introductions asked for, the projects behind the approved ones
-- (003's "portfolio view"), and the ten latest requests.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW investor_dashboard AS
SELECT
    u.id AS user_id,
    u.username,

    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = u.id) AS intros_sent,
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = u.id AND i.status = 'pending') AS intros_pending,
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = u.id AND i.status = 'approved') AS intros_approved,
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = u.id AND i.status = 'rejected') AS intros_rejected,

    portfolio.project_count AS portfolio_projects,
    portfolio.proof_score AS portfolio_proof_score,
    recent.intros AS recent_intros
FROM users u
LEFT JOIN LATERAL (
    SELECT count(DISTINCT p.id) AS project_count, max(p.proof_score) AS proof_score
    FROM intro_requests i
    JOIN projects p ON p.id = i.project_id
    WHERE i.investor_id = u.id AND i.status = 'approved' AND NOT p.is_deleted
) portfolio ON TRUE
LEFT JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object(
            'id', latest.id, 'status', latest.status, 'created_at', latest.created_at,
            'project_id', latest.project_id, 'project_title', latest.title, 'builder_username', latest.username
        ) ORDER BY latest.created_at DESC, latest.id
    ) AS intros
    FROM (
        SELECT i.id, i.status, i.created_at, i.project_id, p.title, b.username
        FROM intro_requests i
        JOIN users b ON b.id = i.builder_id
        LEFT JOIN projects p ON p.id = i.project_id
        WHERE i.investor_id = u.id
        ORDER BY i.created_at DESC, i.id
        LIMIT 10
    ) latest
) recent ON TRUE
WHERE EXISTS (SELECT FROM investor_requests r WHERE r.user_id = u.id AND r.status = 'approved');

CREATE UNIQUE INDEX investor_dashboard_user ON investor_dashboard (user_id);
