-- One message changes two rows: its sender's and its recipient's.
CREATE MATERIALIZED VIEW mailboxes AS
SELECT u.id,
    (SELECT count(*) FROM messages m WHERE m.sender = u.id) AS sent,
    (SELECT count(*) FROM messages m WHERE m.recipient = u.id AND NOT m.read) AS unread
FROM users u;
CREATE UNIQUE INDEX ON mailboxes (id);
