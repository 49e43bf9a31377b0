-- What three of 004's index predicates were for, and no index can do: small sets of rows that are recent, or still to come. A reader
-- never sees a row after its moment; the leader takes it away.

-- Food that can still be picked up (idx_food_posts_active_location).
-- headwater: realtime
CREATE MATERIALIZED VIEW available_food AS
SELECT
    p.id,
    p.group_id,
    g.name AS group_name,
    g.group_type,
    p.user_id,
    u.username,
    p.title,
    p.description,
    p.portions,
    p.pickup_time,
    p.created_at
FROM food_posts p JOIN users u ON u.id = p.user_id LEFT JOIN community_groups g ON g.id = p.group_id
WHERE p.status = 'available' AND p.pickup_time > now();

CREATE UNIQUE INDEX available_food_pkey ON available_food (id);
CREATE INDEX available_food_group ON available_food (group_id, pickup_time, id);
CREATE INDEX available_food_soonest ON available_food (pickup_time, id);
CREATE INDEX available_food_newest ON available_food (created_at DESC, id DESC);

-- Reputations of those who were here in the last 30 days (idx_users_reputation_active).
-- headwater: eventual
CREATE MATERIALIZED VIEW active_reputations AS
SELECT r.user_id, r.trust_level, r.overall_score, r.last_activity
FROM user_global_reputation r
WHERE r.last_activity > now() - interval '30 days';

CREATE UNIQUE INDEX active_reputations_pkey ON active_reputations (user_id);
CREATE INDEX active_reputations_level ON active_reputations (trust_level, overall_score, last_activity);

-- Events of the last 90 days (idx_reputation_events_user_recent).
-- headwater: eventual
CREATE MATERIALIZED VIEW recent_reputation_events AS
SELECT e.id, e.user_id, e.event_type, e.impact_score, e.previous_score, e.new_score, e.group_id, e.created_at
FROM reputation_events e
WHERE e.created_at > now() - interval '90 days';

CREATE UNIQUE INDEX recent_reputation_events_pkey ON recent_reputation_events (id);
CREATE INDEX recent_reputation_events_user ON recent_reputation_events (user_id, created_at DESC, id DESC);
