-- The validator dashboard, which document 003 promises ("on badge award") without a table: what a validator has awarded,
-- how much of it lately, and the ten latest badges. Badges on deleted projects count, as in user_dashboard_stats.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW validator_dashboard AS
SELECT
    u.id AS user_id,
    u.username,
    given.badges AS badges_given,
    given.bronze,
    given.silver,
    given.gold,
    given.platinum,
    given.points AS points_given,
    given.projects AS projects_validated,
    given.last_badge_at,
    (SELECT count(*) FROM validation_badges b
     WHERE b.validator_id = u.id AND b.created_at > now() - INTERVAL '7 days') AS badges_7d,
    recent.badges AS recent_badges
FROM users u
LEFT JOIN LATERAL (
    SELECT
        count(*) AS badges,
        count(*) FILTER (WHERE b.badge_type = 'bronze') AS bronze,
        count(*) FILTER (WHERE b.badge_type = 'silver') AS silver,
        count(*) FILTER (WHERE b.badge_type = 'gold') AS gold,
        count(*) FILTER (WHERE b.badge_type = 'platinum') AS platinum,
        coalesce(sum(b.points), 0) AS points,
        count(DISTINCT b.project_id) AS projects,
        max(b.created_at) AS last_badge_at
    FROM validation_badges b
    WHERE b.validator_id = u.id
) given ON TRUE
LEFT JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object(
            'id', latest.id, 'badge_type', latest.badge_type, 'created_at', latest.created_at,
            'project_id', latest.project_id, 'project_title', latest.title
        ) ORDER BY latest.created_at DESC, latest.id
    ) AS badges
    FROM (
        SELECT b.id, b.badge_type, b.created_at, b.project_id, p.title
        FROM validation_badges b
        JOIN projects p ON p.id = b.project_id
        WHERE b.validator_id = u.id
        ORDER BY b.created_at DESC, b.id
        LIMIT 10
    ) latest
) recent ON TRUE
WHERE u.is_validator;

CREATE UNIQUE INDEX validator_dashboard_user ON validator_dashboard (user_id);
