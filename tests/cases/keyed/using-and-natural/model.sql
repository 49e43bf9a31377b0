CREATE MATERIALIZED VIEW accounts AS
SELECT user_id, name, bio, theme FROM users JOIN profiles USING (user_id) NATURAL LEFT JOIN settings;
CREATE UNIQUE INDEX ON accounts (user_id);
