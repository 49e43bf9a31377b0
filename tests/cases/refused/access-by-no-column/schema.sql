CREATE TABLE projects (id int PRIMARY KEY, user_id int NOT NULL, created_at timestamptz NOT NULL);
