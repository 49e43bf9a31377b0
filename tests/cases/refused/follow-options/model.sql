-- headwater: retain append follow
CREATE MATERIALIZED VIEW a AS SELECT p.id, p.title FROM projects p;

-- headwater: retain append follow title category
CREATE MATERIALIZED VIEW b AS SELECT p.id, p.title, p.category FROM projects p;

-- headwater: retain append follow title follow category
CREATE MATERIALIZED VIEW c AS SELECT p.id, p.title, p.category FROM projects p;

-- headwater: retain append deletes
CREATE MATERIALIZED VIEW d AS SELECT p.id, p.title FROM projects p;

-- headwater: retain live follow deletes
CREATE MATERIALIZED VIEW e AS SELECT p.id, p.title FROM projects p;
