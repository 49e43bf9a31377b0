-- "My Stats" of every user: document 003's table user_dashboard_stats and the four triggers that missed most changes.
--
-- Columns, where 003 leaves a choice:
--   project_count           all projects of the user, soft-deleted ones included; active_projects: those not deleted.
--   total_proof_score       sum of proof_score over the projects that are not deleted.
--   karma_score             the same number: the only karma that 003 defines is the leaderboard's total_karma.
--   comment_count           the user's comments on projects that are not deleted, replies included.
--   badges_received         badges on any project of the user, deleted projects included, as badges_given counts them.
--   intros_sent / received  as investor / as builder, whatever their status.
--   unread_messages         messages to the user that are not read; equals the sum of unread_count over the inbox.
-- Left out: last_updated_at, the moment of the row's last write, is a fact of the upkeep and not of the data.

-- headwater: realtime
-- headwater: retain live
CREATE MATERIALIZED VIEW user_dashboard_stats AS
SELECT
    u.id AS user_id,

    -- Project stats
    (SELECT count(*) FROM projects p WHERE p.user_id = u.id) AS project_count,
    (SELECT count(*) FROM projects p WHERE p.user_id = u.id AND NOT p.is_deleted) AS active_projects,
    coalesce((SELECT sum(p.proof_score) FROM projects p WHERE p.user_id = u.id AND NOT p.is_deleted), 0) AS total_proof_score,

    -- Engagement stats
    (SELECT count(*) FROM comments c WHERE c.user_id = u.id AND NOT c.is_deleted) AS comment_count,
    (SELECT count(*) FROM validation_badges b WHERE b.validator_id = u.id) AS badges_given,
    (SELECT count(*) FROM validation_badges b JOIN projects p ON p.id = b.project_id WHERE p.user_id = u.id) AS badges_received,

    -- Intro stats
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = u.id) AS intros_sent,
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id) AS intros_received,
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id AND i.status = 'pending') AS intro_requests_pending,

    -- Karma
    coalesce((SELECT sum(p.proof_score) FROM projects p WHERE p.user_id = u.id AND NOT p.is_deleted), 0) AS karma_score,

    -- Unread counts
    (SELECT count(*) FROM direct_messages m WHERE m.recipient_id = u.id AND NOT m.is_read) AS unread_messages,
    (SELECT count(*) FROM notifications n WHERE n.user_id = u.id AND NOT n.is_read) AS unread_notifications
FROM users u;

CREATE UNIQUE INDEX user_dashboard_stats_pkey ON user_dashboard_stats (user_id);
CREATE INDEX idx_dashboard_stats_karma ON user_dashboard_stats (karma_score DESC);
CREATE INDEX idx_dashboard_stats_proof ON user_dashboard_stats (total_proof_score DESC);
