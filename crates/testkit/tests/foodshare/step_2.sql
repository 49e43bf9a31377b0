-- CRITICAL PERFORMANCE INDEXES - IMPLEMENT ALL OF THESE
CREATE INDEX CONCURRENTLY idx_food_posts_active_location 
ON food_posts (status, pickup_time, group_id) 
WHERE status = 'available' AND pickup_time > NOW();

CREATE INDEX CONCURRENTLY idx_users_reputation_active
ON user_global_reputation (trust_level, overall_score, last_activity)
WHERE last_activity > NOW() - INTERVAL '30 days';

CREATE INDEX CONCURRENTLY idx_users_sharing_mode
ON users (sharing_mode, verification_level, created_at);

CREATE INDEX CONCURRENTLY idx_community_groups_telegram
ON community_groups (telegram_group_id, group_type, admin_user_id);

CREATE INDEX CONCURRENTLY idx_reputation_events_user_recent
ON reputation_events (user_id, created_at DESC)
WHERE created_at > NOW() - INTERVAL '90 days';

CREATE INDEX CONCURRENTLY idx_reputation_events_stream
ON reputation_events (stream_partition, stream_id, processed_at);

CREATE INDEX CONCURRENTLY idx_exchanges_group_status
ON exchanges (food_id, status, created_at)
WHERE status IN ('pending', 'confirmed', 'completed');

-- Composite index for food discovery by mode
CREATE INDEX CONCURRENTLY idx_food_posts_discovery
ON food_posts (group_id, status, pickup_time, created_at)
WHERE status = 'available';
