-- One conversation, and the list of notifications: two of document 003's real-time pages, which read the source tables.
-- They are models so that a page of them can be followed: a message shows on both partners' open pages, and on nobody else's.

-- Every message twice, once for each partner, as in the inbox; a message to oneself once. No names: the inbox and the
-- profile have them, and a realtime model that joins users would make every rename wait for every message.

-- headwater: realtime
-- headwater: retain live
CREATE MATERIALIZED VIEW my_messages AS
SELECT recipient_id AS user_id, sender_id AS other_user_id, id, sender_id, message, is_read, created_at, updated_at
FROM direct_messages
UNION ALL
SELECT sender_id, recipient_id, id, sender_id, message, is_read, created_at, updated_at
FROM direct_messages
WHERE sender_id <> recipient_id;

CREATE UNIQUE INDEX my_messages_key ON my_messages (user_id, id);
CREATE INDEX my_messages_conversation ON my_messages (user_id, other_user_id, created_at DESC, id DESC);
CREATE INDEX my_messages_newest ON my_messages (user_id, created_at DESC, id DESC);

-- headwater: realtime
-- headwater: retain live
CREATE MATERIALIZED VIEW my_notifications AS
SELECT n.id, n.user_id, n.actor_id, n.type, n.title, n.link, n.is_read, n.created_at
FROM notifications n;

CREATE UNIQUE INDEX my_notifications_id ON my_notifications (id);
CREATE INDEX my_notifications_newest ON my_notifications (user_id, created_at DESC, id DESC);
