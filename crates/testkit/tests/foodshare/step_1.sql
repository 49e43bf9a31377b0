-- EXACT SQL - DO NOT MODIFY
-- Add mode support to users table
ALTER TABLE users ADD COLUMN sharing_mode VARCHAR(20) DEFAULT 'neighborhood';
ALTER TABLE users ADD COLUMN verification_level VARCHAR(20) DEFAULT 'full';

-- Create community groups table
CREATE TABLE community_groups (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    telegram_group_id BIGINT UNIQUE,
    name VARCHAR(255) NOT NULL,
    group_type VARCHAR(20) NOT NULL, -- 'neighborhood' or 'community'
    verification_required BOOLEAN DEFAULT false,
    admin_user_id UUID REFERENCES users(id),
    created_at TIMESTAMP DEFAULT NOW()
);

-- Create global reputation table
CREATE TABLE user_global_reputation (
    user_id UUID PRIMARY KEY REFERENCES users(id),
    overall_score DECIMAL(4,2) DEFAULT 75.00,
    trust_level VARCHAR(20) DEFAULT 'developing',
    total_food_shared INTEGER DEFAULT 0,
    total_food_claimed INTEGER DEFAULT 0,
    total_exchanges_completed INTEGER DEFAULT 0,
    total_groups_participated INTEGER DEFAULT 0,
    avg_food_rating DECIMAL(3,2) DEFAULT 0.00,
    avg_recipient_rating DECIMAL(3,2) DEFAULT 0.00,
    reliability_score DECIMAL(4,2) DEFAULT 75.00,
    reported_incidents INTEGER DEFAULT 0,
    resolved_disputes INTEGER DEFAULT 0,
    community_contributions INTEGER DEFAULT 0,
    account_age_days INTEGER DEFAULT 0,
    last_activity TIMESTAMP DEFAULT NOW(),
    reputation_updated_at TIMESTAMP DEFAULT NOW(),
    peak_reputation DECIMAL(4,2) DEFAULT 75.00,
    reputation_trend VARCHAR(10) DEFAULT 'stable',
    last_stream_event_id VARCHAR(100),
    stream_lag_seconds INTEGER DEFAULT 0,
    reputation_sync_status VARCHAR(20) DEFAULT 'synced'
);

-- Create reputation events table with stream integration
CREATE TABLE reputation_events (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID REFERENCES users(id),
    event_type VARCHAR(50) NOT NULL,
    impact_score DECIMAL(5,2) NOT NULL,
    previous_score DECIMAL(4,2) NOT NULL,
    new_score DECIMAL(4,2) NOT NULL,
    group_id UUID REFERENCES community_groups(id) NULL,
    related_exchange_id UUID NULL,
    description TEXT,
    stream_id VARCHAR(100),
    stream_partition INTEGER,
    processed_at TIMESTAMP,
    created_at TIMESTAMP DEFAULT NOW()
);

-- Event stream configuration for dual-mode events
CREATE TABLE mode_transition_events (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID REFERENCES users(id),
    from_mode VARCHAR(20),
    to_mode VARCHAR(20),
    reason TEXT,
    stream_id VARCHAR(100),
    created_at TIMESTAMP DEFAULT NOW()
);

-- Stream processing checkpoints
CREATE TABLE event_stream_checkpoints (
    consumer_group VARCHAR(100) NOT NULL,
    stream_name VARCHAR(100) NOT NULL,
    last_processed_id VARCHAR(50) NOT NULL,
    processed_at TIMESTAMP DEFAULT NOW(),
    lag_seconds INTEGER DEFAULT 0,
    PRIMARY KEY (consumer_group, stream_name)
);
