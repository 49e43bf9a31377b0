-- headwater: retain forever
CREATE MATERIALIZED VIEW a AS SELECT p.id FROM projects p;

-- headwater: retain append keep a week
CREATE MATERIALIZED VIEW b AS SELECT p.id, p.created_at FROM projects p;

-- headwater: retain append 3 days
CREATE MATERIALIZED VIEW c AS SELECT p.id, p.created_at FROM projects p;

-- headwater: eventual max_lag
CREATE MATERIALIZED VIEW d AS SELECT p.id, p.created_at FROM projects p;

-- headwater: eventual max_lag -3 s
CREATE MATERIALIZED VIEW e AS SELECT p.id, p.created_at FROM projects p;

-- headwater: eventually
CREATE MATERIALIZED VIEW f AS SELECT p.id, p.created_at FROM projects p;
