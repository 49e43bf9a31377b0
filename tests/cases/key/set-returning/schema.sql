CREATE TABLE projects (id int PRIMARY KEY, title text NOT NULL, category text);
