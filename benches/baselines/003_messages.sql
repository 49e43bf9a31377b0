-- Document 003's inbox and dashboard as it writes them: its tables and the triggers that a message fires, word for word. The
-- tables are filled from the messages that are there, which 003 leaves out; of the dashboard's other columns none matters here.

CREATE TABLE user_dashboard_stats (
    user_id UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,

    -- Project stats
    project_count INT DEFAULT 0,
    active_projects INT DEFAULT 0,
    total_proof_score INT DEFAULT 0,

    -- Engagement stats
    comment_count INT DEFAULT 0,
    badges_given INT DEFAULT 0,
    badges_received INT DEFAULT 0,

    -- Intro stats
    intros_sent INT DEFAULT 0,
    intros_received INT DEFAULT 0,
    intro_requests_pending INT DEFAULT 0,

    -- Karma/Score
    karma_score INT DEFAULT 0,

    -- Unread counts
    unread_messages INT DEFAULT 0,
    unread_notifications INT DEFAULT 0,

    -- Timestamps
    last_updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,

    -- Indexes
    CONSTRAINT check_non_negative CHECK (
        project_count >= 0 AND active_projects >= 0 AND
        comment_count >= 0 AND karma_score >= 0
    )
);

CREATE INDEX idx_dashboard_stats_karma ON user_dashboard_stats(karma_score DESC);
CREATE INDEX idx_dashboard_stats_proof ON user_dashboard_stats(total_proof_score DESC);

CREATE TABLE message_conversations_denorm (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    other_user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Last message info
    last_message_id UUID REFERENCES direct_messages(id) ON DELETE CASCADE,
    last_message_text TEXT,
    last_message_time TIMESTAMP,
    last_sender_id UUID REFERENCES users(id),

    -- Counts
    unread_count INT DEFAULT 0,
    total_messages INT DEFAULT 0,

    -- Timestamps
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,

    UNIQUE(user_id, other_user_id)
);

CREATE INDEX idx_conversations_user ON message_conversations_denorm(user_id, last_message_time DESC);
CREATE INDEX idx_conversations_unread ON message_conversations_denorm(user_id, unread_count) WHERE unread_count > 0;

INSERT INTO user_dashboard_stats (user_id, unread_messages)
SELECT u.id, (SELECT count(*) FROM direct_messages m WHERE m.recipient_id = u.id AND NOT m.is_read) FROM users u;

INSERT INTO message_conversations_denorm (
    user_id, other_user_id, last_message_id, last_message_text, last_message_time, last_sender_id, unread_count, total_messages
)
SELECT
    user_id, other_user_id,
    (array_agg(id ORDER BY created_at DESC, id DESC))[1],
    (array_agg(message ORDER BY created_at DESC, id DESC))[1],
    max(created_at),
    (array_agg(sender_id ORDER BY created_at DESC, id DESC))[1],
    count(*) FILTER (WHERE is_unread),
    count(*)
FROM (
    SELECT recipient_id AS user_id, sender_id AS other_user_id, id, message, sender_id, NOT is_read AS is_unread, created_at
    FROM direct_messages
    UNION ALL
    SELECT sender_id, recipient_id, id, message, sender_id, FALSE, created_at FROM direct_messages WHERE sender_id <> recipient_id
) AS m
GROUP BY user_id, other_user_id;

-- Trigger 3: On message read/unread
CREATE OR REPLACE FUNCTION update_dashboard_message_count()
RETURNS TRIGGER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE user_dashboard_stats
        SET unread_messages = unread_messages + 1,
            last_updated_at = CURRENT_TIMESTAMP
        WHERE user_id = NEW.recipient_id;
    ELSIF TG_OP = 'UPDATE' AND OLD.is_read = FALSE AND NEW.is_read = TRUE THEN
        UPDATE user_dashboard_stats
        SET unread_messages = GREATEST(0, unread_messages - 1),
            last_updated_at = CURRENT_TIMESTAMP
        WHERE user_id = NEW.recipient_id;
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER trg_dashboard_message_count
AFTER INSERT OR UPDATE ON direct_messages
FOR EACH ROW EXECUTE FUNCTION update_dashboard_message_count();

CREATE OR REPLACE FUNCTION update_conversation_on_message()
RETURNS TRIGGER AS $$
BEGIN
    -- Update sender's conversation view
    INSERT INTO message_conversations_denorm (
        user_id, other_user_id, last_message_id, last_message_text,
        last_message_time, last_sender_id, total_messages
    )
    VALUES (
        NEW.sender_id, NEW.recipient_id, NEW.id, NEW.message,
        NEW.created_at, NEW.sender_id, 1
    )
    ON CONFLICT (user_id, other_user_id) DO UPDATE
    SET last_message_id = NEW.id,
        last_message_text = NEW.message,
        last_message_time = NEW.created_at,
        last_sender_id = NEW.sender_id,
        total_messages = message_conversations_denorm.total_messages + 1,
        updated_at = CURRENT_TIMESTAMP;

    -- Update recipient's conversation view (with unread count)
    INSERT INTO message_conversations_denorm (
        user_id, other_user_id, last_message_id, last_message_text,
        last_message_time, last_sender_id, total_messages, unread_count
    )
    VALUES (
        NEW.recipient_id, NEW.sender_id, NEW.id, NEW.message,
        NEW.created_at, NEW.sender_id, 1, 1
    )
    ON CONFLICT (user_id, other_user_id) DO UPDATE
    SET last_message_id = NEW.id,
        last_message_text = NEW.message,
        last_message_time = NEW.created_at,
        last_sender_id = NEW.sender_id,
        total_messages = message_conversations_denorm.total_messages + 1,
        unread_count = message_conversations_denorm.unread_count + 1,
        updated_at = CURRENT_TIMESTAMP;

    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER trg_conversation_on_message
AFTER INSERT ON direct_messages
FOR EACH ROW EXECUTE FUNCTION update_conversation_on_message();

-- Trigger for marking as read
CREATE OR REPLACE FUNCTION update_conversation_on_read()
RETURNS TRIGGER AS $$
BEGIN
    IF OLD.is_read = FALSE AND NEW.is_read = TRUE THEN
        UPDATE message_conversations_denorm
        SET unread_count = GREATEST(0, unread_count - 1),
            updated_at = CURRENT_TIMESTAMP
        WHERE user_id = NEW.recipient_id AND other_user_id = NEW.sender_id;
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER trg_conversation_on_read
AFTER UPDATE ON direct_messages
FOR EACH ROW EXECUTE FUNCTION update_conversation_on_read();
