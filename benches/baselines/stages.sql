-- One table per stage of what a trigger may do at an INSERT of one row; `{table}` and `{counts}` are replaced.

CREATE TABLE {table} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id int NOT NULL,
  is_upvote boolean NOT NULL DEFAULT true
);
CREATE TABLE {counts} (project_id int PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 70);
INSERT INTO {counts} SELECT n, 0 FROM generate_series(0, 9999) AS n;
