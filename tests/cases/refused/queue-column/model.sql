-- headwater: eventual
CREATE MATERIALIZED VIEW signs AS SELECT r.id, r.hw_sign AS sign FROM readings r;
CREATE UNIQUE INDEX ON signs (id);

-- headwater: eventual
CREATE MATERIALIZED VIEW xids AS SELECT r.id, r.hw_xid AS xid FROM readings r;
CREATE UNIQUE INDEX ON xids (id);
