-- Its changes go into the log.
-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW owners AS SELECT p.user_id, count(*) AS projects FROM projects p GROUP BY p.user_id;
CREATE UNIQUE INDEX ON owners (user_id);
