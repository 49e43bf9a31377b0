-- headwater: retain append follow title, nothing
CREATE MATERIALIZED VIEW unknown AS SELECT p.id, p.title FROM projects p;

-- headwater: retain append follow id
CREATE MATERIALIZED VIEW in_key AS SELECT p.id, p.title FROM projects p;

-- headwater: retain append follow title, title
CREATE MATERIALIZED VIEW twice AS SELECT p.id, p.title FROM projects p;

-- headwater: retain append follow age
CREATE MATERIALIZED VIEW at_read_time AS SELECT p.id, now() - p.created_at AS age FROM projects p;
