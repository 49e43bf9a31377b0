-- What each page of the showcase says, as a careful engineer would ask the source tables for it: joins of grouped sub-selects and window
-- functions where the models have correlated sub-selects. {viewer} is who asks, {key} what stands in the path. A column called hw_heat is
-- what a trending order goes by; it is no part of a row.

-- name: feed
SELECT p.id, p.title, p.description, p.proof_of_work_link, p.image_url, p.created_at, p.updated_at, p.is_featured, p.category,
       p.user_id, u.username, u.profile_image, u.is_verified, p.proof_score,
       coalesce(t.threads, 0) AS comment_count, coalesce(v.up, 0) AS upvote_count, coalesce(b.badges, 0) AS badge_count,
       EXISTS (SELECT FROM upvotes w WHERE w.project_id = p.id AND w.user_id::text = '{viewer}' AND w.is_upvote) AS user_has_upvoted,
       0.5 * p.proof_score + 2 * coalesce(t.comments, 0) + 1.5 * (coalesce(v.up, 0) - coalesce(v.down, 0))
         + extract(epoch FROM p.created_at) / 36000 AS hw_heat
FROM projects p
JOIN users u ON u.id = p.user_id
LEFT JOIN (SELECT project_id, count(*) FILTER (WHERE is_upvote) AS up, count(*) FILTER (WHERE NOT is_upvote) AS down
           FROM upvotes GROUP BY project_id) v ON v.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) AS comments, count(*) FILTER (WHERE parent_id IS NULL) AS threads
           FROM comments WHERE NOT is_deleted GROUP BY project_id) t ON t.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) AS badges FROM validation_badges GROUP BY project_id) b ON b.project_id = p.id
WHERE NOT p.is_deleted

-- name: project
SELECT p.id, p.title, p.description, p.proof_of_work_link, p.image_url, p.category, p.created_at, p.updated_at, p.proof_score,
       p.user_id, u.username, u.profile_image, u.bio AS creator_bio, u.is_verified,
       count(DISTINCT c.id) AS comment_count, count(DISTINCT v.id) AS vote_count, count(DISTINCT b.id) AS badge_count,
       (SELECT json_agg(x ORDER BY x.created_at, x.id) FROM (
          SELECT a.id, a.badge_type, a.validator_id, w.username AS validator_username, a.created_at
          FROM validation_badges a, users w WHERE w.id = a.validator_id AND a.project_id = p.id) x) AS badges_json,
       (SELECT json_agg(x ORDER BY x.name, x.id) FROM (
          SELECT h.id, h.name, h.image_url FROM chains h WHERE h.is_public AND h.is_active
          AND h.id IN (SELECT chain_id FROM chain_projects WHERE project_id = p.id)) x) AS chains_json,
       (SELECT json_agg(x ORDER BY x.name, x.id) FROM (
          SELECT h.id, h.name, h.image_url FROM chains h WHERE NOT h.is_public AND h.is_active
          AND h.id IN (SELECT chain_id FROM chain_projects WHERE project_id = p.id)
          AND '{viewer}' IN (SELECT h.creator_id::text UNION SELECT user_id::text FROM chain_followers WHERE chain_id = h.id)) x) AS your_chains_json
FROM projects p
JOIN users u ON u.id = p.user_id
LEFT JOIN comments c ON c.project_id = p.id AND c.parent_id IS NULL AND NOT c.is_deleted
LEFT JOIN upvotes v ON v.project_id = p.id
LEFT JOIN validation_badges b ON b.project_id = p.id
WHERE NOT p.is_deleted AND p.id = '{key}'
GROUP BY p.id, u.id

-- name: comments
SELECT c.id, c.project_id, c.parent_id, c.content, c.created_at, c.updated_at, u.id AS author_id, u.username AS author_username,
       u.profile_image AS author_profile_image, u.is_verified AS author_is_verified, count(r.id) AS reply_count
FROM comments c
JOIN users u ON u.id = c.user_id
LEFT JOIN comments r ON r.parent_id = c.id AND NOT r.is_deleted
WHERE c.project_id IN (SELECT id FROM projects WHERE NOT is_deleted AND id = '{key}') AND NOT c.is_deleted
GROUP BY c.id, u.id

-- name: leaderboard-projects
SELECT p.id, p.title, p.image_url, p.proof_score, p.user_id, u.username, u.profile_image, coalesce(b.n, 0) AS badge_count,
       coalesce(c.n, 0) AS comment_count, coalesce(v.n, 0) AS vote_count, rank() OVER (ORDER BY p.proof_score DESC, p.created_at, p.id) AS rank
FROM projects p
JOIN users u ON u.id = p.user_id
LEFT JOIN (SELECT project_id, count(*) AS n FROM validation_badges GROUP BY 1) b ON b.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) AS n FROM comments WHERE NOT is_deleted GROUP BY 1) c ON c.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) AS n FROM upvotes GROUP BY 1) v ON v.project_id = p.id
WHERE NOT p.is_deleted AND p.proof_score > 0

-- name: leaderboard-builders
SELECT u.id, u.username, u.profile_image, u.bio, u.is_verified, coalesce(p.karma, 0) AS total_karma, coalesce(p.n, 0) AS project_count,
       coalesce(b.n, 0) AS badges_given, coalesce(c.n, 0) AS comment_count,
       rank() OVER (ORDER BY coalesce(p.karma, 0) DESC, u.created_at, u.id) AS rank
FROM users u
LEFT JOIN (SELECT user_id, sum(proof_score) AS karma, count(*) AS n FROM projects WHERE NOT is_deleted GROUP BY 1) p ON p.user_id = u.id
LEFT JOIN (SELECT validator_id, count(*) AS n FROM validation_badges GROUP BY 1) b ON b.validator_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS n FROM comments WHERE NOT is_deleted GROUP BY 1) c ON c.user_id = u.id
WHERE u.is_active

-- name: chains
SELECT h.id, h.name, h.description, h.image_url, h.category, h.is_public, h.is_featured, h.created_at, h.creator_id,
       u.username AS creator_username, u.profile_image AS creator_profile_image,
       coalesce(f.n, 0) AS follower_count, coalesce(p.n, 0) AS project_count, coalesce(o.n, 0) AS post_count,
       0.3 * coalesce(f.n, 0) + 0.6 * coalesce(p.n, 0) + 0.1 * coalesce(o.lately, 0) AS trending_score,
       coalesce(f.mine, false) AS user_is_following
FROM chains h
JOIN users u ON u.id = h.creator_id
LEFT JOIN (SELECT chain_id, count(*) AS n, bool_or(user_id::text = '{viewer}') AS mine FROM chain_followers GROUP BY 1) f ON f.chain_id = h.id
LEFT JOIN (SELECT chain_id, count(*) AS n FROM chain_projects GROUP BY 1) p ON p.chain_id = h.id
LEFT JOIN (SELECT chain_id, count(*) AS n, count(*) FILTER (WHERE created_at > now() - interval '7 days') AS lately
           FROM chain_posts WHERE NOT is_deleted GROUP BY 1) o ON o.chain_id = h.id
WHERE h.is_public AND h.is_active

-- name: posts
SELECT o.id, o.chain_id, o.title, o.content, o.post_type, o.created_at, o.updated_at, o.is_pinned, o.author_id,
       u.username AS author_username, u.profile_image AS author_profile_image, u.is_verified AS author_is_verified,
       coalesce(v.up, 0) AS upvote_count, coalesce(c.n, 0) AS comment_count,
       1.5 * (coalesce(v.up, 0) - coalesce(v.down, 0)) + 2 * coalesce(c.n, 0) + extract(epoch FROM o.created_at) / 36000
         + CASE WHEN o.is_pinned THEN 1000000 ELSE 0 END AS hw_heat
FROM chain_posts o
JOIN users u ON u.id = o.author_id
LEFT JOIN (SELECT post_id, count(*) FILTER (WHERE is_upvote) AS up, count(*) FILTER (WHERE NOT is_upvote) AS down
           FROM chain_post_votes GROUP BY 1) v ON v.post_id = o.id
LEFT JOIN (SELECT post_id, count(*) AS n FROM chain_post_comments WHERE NOT is_deleted GROUP BY 1) c ON c.post_id = o.id
WHERE o.chain_id IN (SELECT id FROM chains WHERE is_public AND is_active AND id = '{key}') AND NOT o.is_deleted

-- name: my-posts
SELECT '{viewer}'::uuid AS member_id, o.id, o.chain_id, o.title, o.content, o.post_type, o.created_at, o.updated_at, o.is_pinned, o.author_id,
       u.username AS author_username, u.profile_image AS author_profile_image, u.is_verified AS author_is_verified,
       coalesce(v.up, 0) AS upvote_count, coalesce(c.n, 0) AS comment_count
FROM chain_posts o
JOIN users u ON u.id = o.author_id
LEFT JOIN (SELECT post_id, count(*) FILTER (WHERE is_upvote) AS up FROM chain_post_votes GROUP BY 1) v ON v.post_id = o.id
LEFT JOIN (SELECT post_id, count(*) AS n FROM chain_post_comments WHERE NOT is_deleted GROUP BY 1) c ON c.post_id = o.id
WHERE o.chain_id IN (SELECT id FROM chains WHERE NOT is_public AND is_active AND id = '{key}'
                     AND ('{viewer}' = creator_id::text OR '{viewer}' IN (SELECT user_id::text FROM chain_followers WHERE chain_id = chains.id)))
  AND NOT o.is_deleted

-- name: investors
SELECT r.id, r.user_id, r.status, r.created_at, r.approved_at, u.username, u.profile_image, u.bio, r.company_name, r.investment_focus,
       r.ticket_size, r.portfolio_url, r.linkedin_url, coalesce(i.n, 0) AS intro_requests_sent, coalesce(i.approved, 0) AS intros_approved
FROM (SELECT DISTINCT ON (user_id) * FROM investor_requests WHERE status = 'approved' ORDER BY user_id, approved_at DESC, id DESC) r
JOIN users u ON u.id = r.user_id
LEFT JOIN (SELECT investor_id, count(*) AS n, count(*) FILTER (WHERE status = 'approved') AS approved
           FROM intro_requests GROUP BY 1) i ON i.investor_id = r.user_id

-- name: profile
SELECT u.id AS user_id, u.username, u.bio, u.profile_image, u.is_verified, u.created_at AS member_since,
       coalesce(p.karma, 0) AS total_karma, coalesce(p.n, 0) AS project_count, coalesce(b.n, 0) AS badges_given,
       coalesce(c.n, 0) AS comment_count, coalesce(h.n, 0) AS chain_count,
       u.id IN (SELECT user_id FROM investor_requests WHERE status = 'approved') AS is_investor, p.best AS top_projects
FROM users u
LEFT JOIN (SELECT user_id, sum(proof_score) AS karma, count(*) AS n,
                  json_agg(json_build_object('id', id, 'title', title, 'image_url', image_url, 'proof_score', proof_score)
                           ORDER BY place) FILTER (WHERE place <= 5) AS best
           FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY proof_score DESC, id) AS place FROM projects WHERE NOT is_deleted) ranked
           GROUP BY user_id) p ON p.user_id = u.id
LEFT JOIN (SELECT validator_id, count(*) AS n FROM validation_badges GROUP BY 1) b ON b.validator_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS n FROM comments WHERE NOT is_deleted GROUP BY 1) c ON c.user_id = u.id
LEFT JOIN (SELECT creator_id, count(*) AS n FROM chains WHERE is_public AND is_active GROUP BY 1) h ON h.creator_id = u.id
WHERE u.is_active AND u.id = '{key}'

-- name: dashboard
SELECT u.id AS user_id, coalesce(p.n, 0) AS project_count, coalesce(p.live, 0) AS active_projects, coalesce(p.score, 0) AS total_proof_score,
       coalesce(c.n, 0) AS comment_count, coalesce(g.n, 0) AS badges_given, coalesce(r.n, 0) AS badges_received, coalesce(s.n, 0) AS intros_sent,
       coalesce(w.n, 0) AS intros_received, coalesce(w.pending, 0) AS intro_requests_pending, coalesce(p.score, 0) AS karma_score,
       coalesce(m.n, 0) AS unread_messages, coalesce(t.n, 0) AS unread_notifications
FROM users u
LEFT JOIN (SELECT user_id, count(*) AS n, count(*) FILTER (WHERE NOT is_deleted) AS live, sum(proof_score) FILTER (WHERE NOT is_deleted) AS score
           FROM projects GROUP BY 1) p ON p.user_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS n FROM comments WHERE NOT is_deleted GROUP BY 1) c ON c.user_id = u.id
LEFT JOIN (SELECT validator_id, count(*) AS n FROM validation_badges GROUP BY 1) g ON g.validator_id = u.id
LEFT JOIN (SELECT q.user_id, count(*) AS n FROM validation_badges b, projects q WHERE q.id = b.project_id GROUP BY 1) r ON r.user_id = u.id
LEFT JOIN (SELECT investor_id, count(*) AS n FROM intro_requests GROUP BY 1) s ON s.investor_id = u.id
LEFT JOIN (SELECT builder_id, count(*) AS n, count(*) FILTER (WHERE status = 'pending') AS pending FROM intro_requests GROUP BY 1) w ON w.builder_id = u.id
LEFT JOIN (SELECT recipient_id, count(*) AS n FROM direct_messages WHERE NOT is_read GROUP BY 1) m ON m.recipient_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS n FROM notifications WHERE NOT is_read GROUP BY 1) t ON t.user_id = u.id
WHERE u.id = '{viewer}'

-- name: unread
SELECT (SELECT count(*) FROM direct_messages WHERE recipient_id = '{viewer}' AND NOT is_read) AS unread_messages,
       (SELECT count(*) FROM notifications WHERE user_id = '{viewer}' AND NOT is_read) AS unread_notifications

-- name: inbox
SELECT md5('{viewer}' || other::text)::uuid AS id, '{viewer}'::uuid AS user_id, other AS other_user_id,
       last.id AS last_message_id, last.message AS last_message_text, last.created_at AS last_message_time, last.sender_id AS last_sender_id,
       (SELECT count(*) FROM direct_messages WHERE sender_id = other AND recipient_id = '{viewer}' AND NOT is_read) AS unread_count,
       whole.n AS total_messages, whole.first AS created_at, whole.latest AS updated_at
FROM (SELECT DISTINCT CASE WHEN recipient_id = '{viewer}' THEN sender_id ELSE recipient_id END AS other
      FROM direct_messages WHERE '{viewer}' IN (sender_id, recipient_id)) partners
CROSS JOIN LATERAL (SELECT * FROM direct_messages WHERE (sender_id, recipient_id) IN (('{viewer}', other), (other, '{viewer}'))
                    ORDER BY created_at DESC, id DESC LIMIT 1) last
CROSS JOIN LATERAL (SELECT count(*) AS n, min(created_at) AS first, max(updated_at) AS latest FROM direct_messages
                    WHERE (sender_id, recipient_id) IN (('{viewer}', other), (other, '{viewer}'))) whole

-- name: messages
SELECT '{viewer}'::uuid AS user_id, CASE WHEN recipient_id = '{viewer}' THEN sender_id ELSE recipient_id END AS other_user_id,
       id, sender_id, message, is_read, created_at, updated_at
FROM direct_messages WHERE '{viewer}' IN (sender_id, recipient_id)

-- name: notifications
SELECT id, user_id, actor_id, type, title, link, is_read, created_at FROM notifications WHERE user_id = '{viewer}'

-- name: intros
SELECT '{viewer}'::uuid AS user_id, side.direction, i.id, i.status, i.message, i.created_at, i.updated_at, i.project_id,
       (SELECT title FROM projects WHERE id = i.project_id) AS project_title, side.other AS other_user_id,
       (SELECT username FROM users WHERE id = side.other) AS other_username
FROM intro_requests i
CROSS JOIN LATERAL (VALUES ('received', i.builder_id, i.investor_id), ('sent', i.investor_id, i.builder_id)) side (direction, own, other)
WHERE side.own = '{viewer}'

-- name: intro-stats
SELECT '{viewer}'::uuid AS user_id, count(*) FILTER (WHERE builder_id = '{viewer}' AND status = 'pending') AS pending_requests,
       count(*) FILTER (WHERE builder_id = '{viewer}' AND status = 'approved') AS approved_requests,
       count(*) FILTER (WHERE builder_id = '{viewer}' AND status = 'rejected') AS rejected_requests,
       count(*) FILTER (WHERE investor_id = '{viewer}') AS sent_requests, max(updated_at) AS last_updated_at
FROM intro_requests WHERE '{viewer}' IN (builder_id, investor_id)

-- name: my-projects
SELECT p.id, p.user_id, p.title, p.image_url, p.category, p.proof_score, p.is_featured, p.is_deleted, p.created_at, p.updated_at,
       coalesce(c.n, 0) AS comment_count, c.latest AS last_comment_at, coalesce(v.up, 0) AS upvote_count, coalesce(v.down, 0) AS downvote_count,
       coalesce(b.n, 0) AS badge_count, coalesce(h.n, 0) AS chain_count, coalesce(i.n, 0) AS pending_intro_requests
FROM projects p
LEFT JOIN (SELECT project_id, count(*) AS n, max(created_at) AS latest FROM comments WHERE NOT is_deleted GROUP BY 1) c ON c.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) FILTER (WHERE is_upvote) AS up, count(*) FILTER (WHERE NOT is_upvote) AS down FROM upvotes GROUP BY 1) v ON v.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) AS n FROM validation_badges GROUP BY 1) b ON b.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) AS n FROM chain_projects GROUP BY 1) h ON h.project_id = p.id
LEFT JOIN (SELECT project_id, count(*) AS n FROM intro_requests WHERE status = 'pending' GROUP BY 1) i ON i.project_id = p.id
WHERE p.user_id = '{viewer}'

-- name: my-chains
SELECT '{viewer}'::uuid AS member_id, h.id AS chain_id, h.name, h.description, h.image_url, h.category, h.is_public, h.is_featured, h.created_at,
       h.creator_id, u.username AS creator_username, f.id IS NOT NULL AS is_following, coalesce(f.created_at, h.created_at) AS member_since
FROM chains h
JOIN users u ON u.id = h.creator_id
LEFT JOIN chain_followers f ON f.chain_id = h.id AND f.user_id = '{viewer}'
WHERE h.is_active AND (h.creator_id = '{viewer}' OR f.id IS NOT NULL)

-- name: investor
SELECT u.id AS user_id, u.username, count(i.id) AS intros_sent, count(i.id) FILTER (WHERE i.status = 'pending') AS intros_pending,
       count(i.id) FILTER (WHERE i.status = 'approved') AS intros_approved, count(i.id) FILTER (WHERE i.status = 'rejected') AS intros_rejected,
       count(DISTINCT p.id) FILTER (WHERE i.status = 'approved' AND NOT p.is_deleted) AS portfolio_projects,
       max(p.proof_score) FILTER (WHERE i.status = 'approved' AND NOT p.is_deleted) AS portfolio_proof_score,
       json_agg(json_build_object('id', i.id, 'status', i.status, 'created_at', i.created_at, 'project_id', i.project_id, 'project_title', p.title,
                                  'builder_username', i.builder) ORDER BY i.place) FILTER (WHERE i.place <= 10) AS recent_intros
FROM users u
LEFT JOIN (SELECT r.*, b.username AS builder, row_number() OVER (PARTITION BY r.investor_id ORDER BY r.created_at DESC, r.id) AS place
           FROM intro_requests r JOIN users b ON b.id = r.builder_id) i ON i.investor_id = u.id
LEFT JOIN projects p ON p.id = i.project_id
WHERE u.id = '{viewer}' AND u.id IN (SELECT user_id FROM investor_requests WHERE status = 'approved')
GROUP BY u.id

-- name: validator
SELECT u.id AS user_id, u.username, count(b.id) AS badges_given, count(*) FILTER (WHERE b.badge_type = 'bronze') AS bronze,
       count(*) FILTER (WHERE b.badge_type = 'silver') AS silver, count(*) FILTER (WHERE b.badge_type = 'gold') AS gold,
       count(*) FILTER (WHERE b.badge_type = 'platinum') AS platinum, coalesce(sum(b.points), 0) AS points_given,
       count(DISTINCT b.project_id) AS projects_validated, max(b.created_at) AS last_badge_at,
       count(*) FILTER (WHERE b.created_at > now() - interval '7 days') AS badges_7d,
       json_agg(json_build_object('id', b.id, 'badge_type', b.badge_type, 'created_at', b.created_at, 'project_id', b.project_id,
                                  'project_title', b.title) ORDER BY b.place) FILTER (WHERE b.place <= 10) AS recent_badges
FROM users u
LEFT JOIN (SELECT g.*, p.title, row_number() OVER (PARTITION BY g.validator_id ORDER BY g.created_at DESC, g.id) AS place
           FROM validation_badges g JOIN projects p ON p.id = g.project_id) b ON b.validator_id = u.id
WHERE u.is_validator AND u.id = '{viewer}'
GROUP BY u.id

-- name: admin-dashboard
SELECT queue, status, count(*) AS items, count(*) FILTER (WHERE created_at > now() - interval '24 hours') AS items_24h,
       min(created_at) AS oldest_at, max(created_at) AS newest_at, max(changed_at) AS last_change_at
FROM (SELECT 'reports' AS queue, status, created_at, updated_at AS changed_at FROM reports
      UNION ALL SELECT 'feedback', status, created_at, updated_at FROM feedback
      UNION ALL SELECT 'investor requests', status, created_at, coalesce(approved_at, created_at) FROM investor_requests) q
GROUP BY queue, status

-- name: admin-reports
SELECT r.id, r.status, r.reason, r.details, r.created_at, r.updated_at, r.reporter_id,
       (SELECT username FROM users WHERE id = r.reporter_id) AS reporter_username,
       CASE WHEN r.project_id IS NULL THEN 'comment' ELSE 'project' END AS subject_type,
       p.id AS project_id, p.title AS project_title, c.content AS comment_content,
       guilty.id AS reported_user_id, guilty.username AS reported_username, guilty.email AS reported_email,
       (SELECT count(*) FROM reports s WHERE s.project_id = r.project_id) AS reports_on_project
FROM reports r
LEFT JOIN comments c ON c.id = r.comment_id
JOIN projects p ON p.id = coalesce(r.project_id, c.project_id)
JOIN users guilty ON guilty.id = coalesce(c.user_id, p.user_id)
