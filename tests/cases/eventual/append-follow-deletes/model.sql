-- Nothing but deletes is followed, within the writer's transaction.
-- headwater: realtime
-- headwater: retain append follow deletes
CREATE MATERIALIZED VIEW announced AS SELECT p.id, p.title FROM projects p WHERE NOT p.deleted;
CREATE UNIQUE INDEX ON announced (id);
