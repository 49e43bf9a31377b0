CREATE TABLE projects (id int PRIMARY KEY, user_id int NOT NULL);
