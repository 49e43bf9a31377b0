-- headwater: require delta
CREATE MATERIALIZED VIEW w AS SELECT p.id, u.name FROM projects p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON w (id);
