CREATE TABLE messages (id int PRIMARY KEY, sender int NOT NULL, recipient int NOT NULL, body text NOT NULL, read boolean NOT NULL, sent_at timestamptz NOT NULL);
