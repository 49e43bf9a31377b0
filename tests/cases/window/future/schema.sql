CREATE TABLE offers (id int PRIMARY KEY, starts_at timestamptz NOT NULL, ends_at timestamptz);
