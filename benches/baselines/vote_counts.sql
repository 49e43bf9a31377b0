-- One count per project, as a model. `vote_row_trigger.sql` and `vote_statement_trigger.sql` keep the same by hand.

-- headwater: realtime
CREATE MATERIALIZED VIEW vote_counts AS
SELECT p.id AS project_id, (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) AS n
FROM projects p;

CREATE UNIQUE INDEX vote_counts_pkey ON vote_counts (project_id);
