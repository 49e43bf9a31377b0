-- NOT NULL on votes.user_id is what makes NOT IN harmless.
CREATE MATERIALIZED VIEW abstainers AS
SELECT u.id, u.name FROM users u WHERE u.id NOT IN (SELECT v.user_id FROM votes v);
CREATE UNIQUE INDEX ON abstainers (id);
