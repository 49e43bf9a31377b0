CREATE TABLE users (user_id int PRIMARY KEY, name text);
CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users, bio text);
CREATE TABLE settings (user_id int PRIMARY KEY REFERENCES users, theme text);
