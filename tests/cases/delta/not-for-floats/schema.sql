CREATE TABLE sensors (id int PRIMARY KEY);
CREATE TABLE readings (sensor int NOT NULL, value float8);
