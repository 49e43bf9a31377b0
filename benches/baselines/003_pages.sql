-- The pages of the showcase as document 003 reads them: each one query on its materialized view or table, as its "Backend Query" has it. Pages that
-- 003 names without a view are read from a view over the plain tables, by the name of the showcase's model. On plain views by all these names, the
-- same statements are what the pages ran before.
--
-- $1 is who asks, $2 what is asked for (an id, a name, words), both texts.

-- name: feed
SELECT f.*, EXISTS (SELECT FROM upvotes v WHERE v.user_id = $1::uuid AND v.project_id = f.id) AS upvoted
FROM (SELECT * FROM mv_feed_projects ORDER BY trending_score DESC LIMIT 10) f;

-- name: feed-top-rated
SELECT f.*, EXISTS (SELECT FROM upvotes v WHERE v.user_id = $1::uuid AND v.project_id = f.id) AS upvoted
FROM (SELECT * FROM mv_feed_projects ORDER BY proof_score DESC LIMIT 10) f;

-- name: feed-newest
SELECT f.*, EXISTS (SELECT FROM upvotes v WHERE v.user_id = $1::uuid AND v.project_id = f.id) AS upvoted
FROM (SELECT * FROM mv_feed_projects ORDER BY created_at DESC LIMIT 10) f;

-- name: live-feed
SELECT * FROM mv_feed_projects ORDER BY trending_score DESC LIMIT 10;

-- name: project
SELECT * FROM mv_project_details WHERE id = $2::uuid;

-- name: comments
SELECT * FROM project_comments WHERE project_id = $2::uuid ORDER BY created_at DESC LIMIT 20;

-- name: leaderboard-projects
SELECT * FROM mv_leaderboard_projects ORDER BY rank LIMIT 50;

-- name: leaderboard-builders
SELECT * FROM mv_leaderboard_builders ORDER BY rank LIMIT 50;

-- name: chains
SELECT c.*, EXISTS (SELECT FROM chain_followers f WHERE f.user_id = $1::uuid AND f.chain_id = c.id) AS following
FROM (SELECT * FROM mv_chains_discovery ORDER BY trending_score DESC LIMIT 12) c;

-- name: chain
SELECT c.*, EXISTS (SELECT FROM chain_followers f WHERE f.user_id = $1::uuid AND f.chain_id = c.id) AS following
FROM mv_chains_discovery c WHERE c.id = $2::uuid;

-- name: chain-posts
SELECT * FROM mv_chain_posts WHERE chain_id = $2::uuid ORDER BY is_pinned DESC, trending_score DESC LIMIT 20;

-- name: investors
SELECT * FROM mv_investors_directory ORDER BY approved_at DESC LIMIT 20;

-- name: search
SELECT *, ts_rank(search_vector, plainto_tsquery('english', $2)) AS rank
FROM mv_search_index
WHERE search_vector @@ plainto_tsquery('english', $2)
ORDER BY rank DESC, relevance_score DESC LIMIT 20;

-- name: user
SELECT * FROM public_profiles WHERE username = $2;

-- name: profile
SELECT * FROM public_profiles WHERE user_id = $2::uuid;

-- name: dashboard
SELECT * FROM user_dashboard_stats WHERE user_id = $1::uuid;

-- name: unread
SELECT unread_messages, unread_notifications FROM user_dashboard_stats WHERE user_id = $1::uuid;

-- name: inbox
SELECT * FROM message_conversations_denorm WHERE user_id = $1::uuid ORDER BY last_message_time DESC LIMIT 20;

-- name: conversation
SELECT * FROM my_messages WHERE user_id = $1::uuid AND other_user_id = $2::uuid ORDER BY created_at DESC LIMIT 20;

-- name: notifications
SELECT * FROM my_notifications WHERE user_id = $1::uuid ORDER BY created_at DESC LIMIT 20;

-- name: intros
SELECT * FROM my_intros WHERE user_id = $1::uuid ORDER BY created_at DESC LIMIT 20;

-- name: intro-stats
SELECT * FROM intro_request_stats WHERE user_id = $1::uuid;

-- name: my-projects
SELECT * FROM my_projects WHERE user_id = $1::uuid ORDER BY created_at DESC LIMIT 20;

-- name: my-chains
SELECT * FROM my_chains WHERE member_id = $1::uuid ORDER BY member_since DESC LIMIT 20;

-- name: my-chain
SELECT * FROM my_chains WHERE member_id = $1::uuid AND chain_id = $2::uuid;

-- name: my-chain-posts
SELECT * FROM my_chain_posts WHERE member_id = $1::uuid AND chain_id = $2::uuid ORDER BY is_pinned DESC, created_at DESC LIMIT 20;

-- name: investor
SELECT * FROM investor_dashboard WHERE user_id = $1::uuid;

-- name: validator
SELECT * FROM validator_dashboard WHERE user_id = $1::uuid;

-- name: admin
SELECT * FROM admin_dashboard;

-- name: reports
SELECT * FROM admin_reports ORDER BY created_at DESC LIMIT 20;
