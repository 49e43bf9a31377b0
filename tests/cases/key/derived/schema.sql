CREATE TABLE proposals (id uuid PRIMARY KEY, title text NOT NULL, submitted_at timestamptz NOT NULL, approved_at timestamptz);
