CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, team text, verified boolean NOT NULL DEFAULT false);

CREATE TABLE projects (
    id int PRIMARY KEY,
    user_id int NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title text NOT NULL,
    category text,
    score int NOT NULL DEFAULT 0,
    deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE votes (
    project_id int NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id int NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    up boolean NOT NULL DEFAULT true,
    weight numeric(8, 2) NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, user_id)
);
