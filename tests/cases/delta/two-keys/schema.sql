CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, team text, verified boolean NOT NULL DEFAULT false);

CREATE TABLE messages (id int PRIMARY KEY, sender int NOT NULL, recipient int NOT NULL, body text NOT NULL, read boolean NOT NULL, sent_at timestamptz NOT NULL);
