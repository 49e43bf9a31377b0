-- Both directions of a message; the first by an order is kept like a maximum.
CREATE MATERIALIZED VIEW inbox AS
SELECT m.me, m.other,
    count(*) AS messages,
    count(*) FILTER (WHERE m.unread) AS unread,
    max(m.sent_at) AS last_at,
    (array_agg(m.body ORDER BY m.sent_at DESC, m.id DESC))[1] AS last_body
FROM (
    SELECT recipient AS me, sender AS other, id, body, NOT read AS unread, sent_at FROM messages
    UNION ALL
    SELECT sender, recipient, id, body, false, sent_at FROM messages WHERE sender <> recipient
) m
GROUP BY m.me, m.other;
CREATE UNIQUE INDEX ON inbox (me, other);
