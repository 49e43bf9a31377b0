-- Extremes grow by folding and are looked up again when the last row with one goes, also where it came and went in one batch.
-- headwater: eventual
CREATE MATERIALIZED VIEW scores AS
SELECT p.user_id, count(*) AS projects, min(p.score) AS low, max(p.score) AS high FROM projects p GROUP BY p.user_id;
CREATE UNIQUE INDEX ON scores (user_id);
