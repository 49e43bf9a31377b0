-- Document 004, step 2: its eight indexes, by name and columns. Three of its predicates read the clock, which PostgreSQL refuses
-- ("functions in index predicate must be marked IMMUTABLE", F5): what a row's index entry says must not depend on when it was written.
-- They are left out here; queries say them, and each index has the column of the time where a range of it ends the scan. What the
-- predicates were for, a small set of rows that are still recent, is a model with a time window: models/windows.sql.
--
-- Not to be run in a transaction (CONCURRENTLY). A build that failed leaves an invalid index behind, which IF NOT EXISTS takes for a
-- good one: `headwater doctor` tells, DROP INDEX CONCURRENTLY and run again.

-- 004: AND pickup_time > NOW()
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_food_posts_active_location
ON food_posts (status, pickup_time, group_id)
WHERE status = 'available';

-- 004: WHERE last_activity > NOW() - INTERVAL '30 days'
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_reputation_active
ON user_global_reputation (trust_level, overall_score, last_activity);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_sharing_mode
ON users (sharing_mode, verification_level, created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_community_groups_telegram
ON community_groups (telegram_group_id, group_type, admin_user_id);

-- 004: WHERE created_at > NOW() - INTERVAL '90 days'
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_reputation_events_user_recent
ON reputation_events (user_id, created_at DESC);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_reputation_events_stream
ON reputation_events (stream_partition, stream_id, processed_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_exchanges_group_status
ON exchanges (food_id, status, created_at)
WHERE status IN ('pending', 'confirmed', 'completed');

-- Composite index for food discovery by mode
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_food_posts_discovery
ON food_posts (group_id, status, pickup_time, created_at)
WHERE status = 'available';

-- What 004 has no index for: foreign keys, whose checks and joins would scan the table.
CREATE INDEX CONCURRENTLY IF NOT EXISTS food_posts_user ON food_posts (user_id, created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS food_posts_group ON food_posts (group_id, created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS exchanges_food ON exchanges (food_id, created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS exchanges_claimer ON exchanges (claimer_id, created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ratings_rated_user ON ratings (rated_user_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS reputation_events_group ON reputation_events (group_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS community_groups_admin ON community_groups (admin_user_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS mode_transition_events_user ON mode_transition_events (user_id, created_at);
