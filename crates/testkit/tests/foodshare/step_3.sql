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
GROUP BY g.id, g.name, g.group_type
