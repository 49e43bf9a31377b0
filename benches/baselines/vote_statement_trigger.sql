-- One count per project, kept by statement triggers with transition tables: one UPDATE for all rows of a statement, in the
-- shape that an expert writes. (Writers of several keys can deadlock: UPDATE … FROM locks in no order.)

CREATE TABLE counts (project_id uuid PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 70);

INSERT INTO counts
SELECT p.id, (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) FROM projects p;

CREATE FUNCTION count_votes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE counts SET n = counts.n + added.n
  FROM (SELECT project_id, count(*) AS n FROM new_votes WHERE is_upvote GROUP BY project_id) AS added
  WHERE counts.project_id = added.project_id;
  RETURN NULL;
END
$$;

CREATE FUNCTION count_changed_votes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE counts SET n = counts.n + added.n
  FROM (
    SELECT project_id, sum(n) AS n
    FROM (
      SELECT project_id, 1 AS n FROM new_votes WHERE is_upvote
      UNION ALL
      SELECT project_id, -1 FROM old_votes WHERE is_upvote
    ) AS changed
    GROUP BY project_id
  ) AS added
  WHERE counts.project_id = added.project_id AND added.n <> 0;
  RETURN NULL;
END
$$;

CREATE TRIGGER count_votes AFTER INSERT ON upvotes
  REFERENCING NEW TABLE AS new_votes
  FOR EACH STATEMENT EXECUTE FUNCTION count_votes();
CREATE TRIGGER count_changed_votes AFTER UPDATE ON upvotes
  REFERENCING OLD TABLE AS old_votes NEW TABLE AS new_votes
  FOR EACH STATEMENT EXECUTE FUNCTION count_changed_votes();
