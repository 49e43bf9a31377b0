-- The inbox: document 003's table message_conversations_denorm, one row per user and partner, both directions together.
--
-- Each message is seen twice, once from its recipient (where it may be unread) and once from its sender; a message to
-- oneself once. Where 003 goes wrong: deleting the last message deleted both users' conversation, concurrent messages
-- both ways deadlocked, late, edited and deleted messages were not reflected.
--
-- Columns, where 003 leaves a choice:
--   id                 made from the pair, so that it stays the same however often the row is rebuilt.
--   last_message_*     the message with the latest created_at; among equals the greatest id.
--   created_at         when the first message was sent; updated_at: when a message was last sent, edited or read.

-- headwater: realtime
-- headwater: retain live
CREATE MATERIALIZED VIEW message_conversations_denorm AS
SELECT
    md5(m.user_id::text || m.other_user_id::text)::uuid AS id,
    m.user_id,
    m.other_user_id,

    -- Last message info
    (array_agg(m.id ORDER BY m.created_at DESC, m.id DESC))[1] AS last_message_id,
    (array_agg(m.message ORDER BY m.created_at DESC, m.id DESC))[1] AS last_message_text,
    max(m.created_at) AS last_message_time,
    (array_agg(m.sender_id ORDER BY m.created_at DESC, m.id DESC))[1] AS last_sender_id,

    -- Counts
    count(*) FILTER (WHERE m.is_unread) AS unread_count,
    count(*) AS total_messages,

    -- Timestamps
    min(m.created_at) AS created_at,
    max(m.updated_at) AS updated_at
FROM (
    SELECT recipient_id AS user_id, sender_id AS other_user_id, id, message, sender_id, NOT is_read AS is_unread, created_at, updated_at
    FROM direct_messages
    UNION ALL
    SELECT sender_id, recipient_id, id, message, sender_id, FALSE, created_at, updated_at
    FROM direct_messages
    WHERE sender_id <> recipient_id
) m
GROUP BY m.user_id, m.other_user_id;

CREATE UNIQUE INDEX message_conversations_denorm_pair ON message_conversations_denorm (user_id, other_user_id);
CREATE INDEX idx_conversations_user ON message_conversations_denorm (user_id, last_message_time DESC);
CREATE INDEX idx_conversations_unread ON message_conversations_denorm (user_id, unread_count) WHERE unread_count > 0;
