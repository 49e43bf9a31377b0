-- Document 004's materialized view: its SELECT to the letter. It is exact, which means that it says what 004 says, and that is not
-- what its column names promise (D-F7). See group_activity below, and the README.

-- headwater: eventual
-- headwater: access public
CREATE MATERIALIZED VIEW group_activity_summary AS
SELECT 
    g.id as group_id,
    g.name as group_name,
    g.group_type,
    COUNT(DISTINCT u.id) as active_members,
    COUNT(DISTINCT fp.id) as food_posts_30d,
    AVG(r.stars) as avg_rating,
    COUNT(DISTINCT e.id) as successful_exchanges_30d,
    MAX(fp.created_at) as last_food_post
FROM community_groups g
LEFT JOIN users u ON u.sharing_mode = 'community'
LEFT JOIN food_posts fp ON g.id = fp.group_id AND fp.created_at > NOW() - INTERVAL '30 days'
LEFT JOIN exchanges e ON fp.id = e.food_id AND e.status = 'completed' 
    AND e.created_at > NOW() - INTERVAL '30 days'
LEFT JOIN ratings r ON e.id = r.exchange_id AND r.created_at > NOW() - INTERVAL '30 days'
GROUP BY g.id, g.name, g.group_type;

-- The unique index that 004 forgot: REFRESH … CONCURRENTLY is impossible without one.
CREATE UNIQUE INDEX group_activity_summary_pkey ON group_activity_summary (group_id);

-- What the names promise. Members are those who posted or claimed something in the group in the last 30 days; an exchange counts by
-- its own time, whenever its post was written; the last post is the last post.

-- headwater: eventual
-- headwater: access public
CREATE MATERIALIZED VIEW group_activity AS
SELECT
    g.id AS group_id,
    g.name AS group_name,
    g.group_type,
    g.telegram_group_id,
    g.verification_required,
    count(DISTINCT who.id) FILTER (WHERE who.at > now() - interval '30 days') AS active_members,
    count(DISTINCT p.id) FILTER (WHERE p.created_at > now() - interval '30 days') AS food_posts_30d,
    round(avg(r.stars) FILTER (WHERE r.created_at > now() - interval '30 days'), 2) AS avg_rating,
    count(DISTINCT x.id) FILTER (WHERE x.status = 'completed' AND x.created_at > now() - interval '30 days') AS successful_exchanges_30d,
    max(p.created_at) AS last_food_post
FROM community_groups g
LEFT JOIN food_posts p ON p.group_id = g.id
LEFT JOIN exchanges x ON x.food_id = p.id
LEFT JOIN ratings r ON r.exchange_id = x.id
-- Both of them, so each rating is there twice: an average does not mind.
LEFT JOIN LATERAL (VALUES (p.user_id, p.created_at), (x.claimer_id, x.created_at)) AS who (id, at) ON true
GROUP BY g.id;

CREATE UNIQUE INDEX group_activity_pkey ON group_activity (group_id);
CREATE INDEX group_activity_discovery ON group_activity (group_type, food_posts_30d DESC, group_id);
CREATE INDEX group_activity_posts ON group_activity (food_posts_30d DESC, group_id);
