-- Tables whose groups can be as large as one likes.

CREATE TABLE projects (id int PRIMARY KEY, title text NOT NULL);

CREATE TABLE votes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id int NOT NULL,
  is_upvote boolean NOT NULL DEFAULT true
);
CREATE INDEX votes_project ON votes (project_id);
