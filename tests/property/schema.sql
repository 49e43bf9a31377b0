-- What the showcase has none of: a table without a key, a partitioned table with floats and numerics, views over views.

CREATE TABLE tags (
    project_id  UUID REFERENCES projects (id) ON DELETE CASCADE,
    tag         TEXT
);

CREATE TABLE measures (
    id       INT NOT NULL,
    kind     TEXT NOT NULL,
    user_id  UUID REFERENCES users (id) ON DELETE SET NULL,
    value    FLOAT8,
    amount   NUMERIC,
    PRIMARY KEY (id, kind)
) PARTITION BY LIST (kind);
CREATE TABLE measures_a PARTITION OF measures FOR VALUES IN ('a');
CREATE TABLE measures_b PARTITION OF measures FOR VALUES IN ('b');
CREATE TABLE measures_rest PARTITION OF measures DEFAULT;

CREATE VIEW live_projects AS SELECT id, user_id, title, category, proof_score FROM projects WHERE NOT is_deleted;
CREATE VIEW project_tallies AS
SELECT l.id, l.title, l.user_id, count(v.id) AS votes
FROM live_projects l LEFT JOIN upvotes v ON v.project_id = l.id
GROUP BY l.id, l.title, l.user_id;
