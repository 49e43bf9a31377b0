-- The owner of a row is a column of the model that is stored.
-- headwater: access owner(owner_id)
CREATE MATERIALIZED VIEW mine AS SELECT p.id, p.user_id FROM projects p;

-- headwater: access owner(age)
CREATE MATERIALIZED VIEW aging AS SELECT p.id, now() - p.created_at AS age FROM projects p;

-- headwater: access everybody
CREATE MATERIALIZED VIEW ours AS SELECT p.id, p.user_id FROM projects p;
