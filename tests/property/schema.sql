-- What the showcase has none of: triggers, keys that change, a table without a key, a partitioned table with floats and numerics, views over views.

CREATE TABLE tags (
    project_id  UUID REFERENCES projects (id) ON DELETE CASCADE,
    tag         TEXT
);

CREATE TABLE measures (
    id       INT NOT NULL,
    kind     TEXT NOT NULL,
    user_id  UUID REFERENCES users (id) ON DELETE SET NULL,
    value    FLOAT8,
    amount   NUMERIC,
    PRIMARY KEY (id, kind)
) PARTITION BY LIST (kind);
CREATE TABLE measures_a PARTITION OF measures FOR VALUES IN ('a');
CREATE TABLE measures_b PARTITION OF measures FOR VALUES IN ('b');
CREATE TABLE measures_rest PARTITION OF measures DEFAULT;

CREATE VIEW live_projects AS SELECT id, user_id, title, category, proof_score FROM projects WHERE NOT is_deleted;
CREATE VIEW project_tallies AS
SELECT l.id, l.title, l.user_id, count(v.id) AS votes
FROM live_projects l LEFT JOIN upvotes v ON v.project_id = l.id
GROUP BY l.id, l.title, l.user_id;

-- Keys may change: every foreign key follows, in the same statement.
DO $$
DECLARE
    fk RECORD;
BEGIN
    FOR fk IN
        SELECT conrelid::regclass AS child, conname, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s ON UPDATE CASCADE', fk.child, fk.conname, fk.definition);
    END LOOP;
END
$$;

-- The application's own triggers write to other tables, before and after Headwater's.
CREATE FUNCTION move_score() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'UPDATE') THEN
        UPDATE projects SET proof_score = greatest(proof_score - OLD.points, 0) WHERE id = OLD.project_id;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        UPDATE projects SET proof_score = proof_score + NEW.points WHERE id = NEW.project_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER move_score AFTER INSERT OR UPDATE OR DELETE ON validation_badges FOR EACH ROW EXECUTE FUNCTION move_score();

CREATE FUNCTION feature_chains() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chains SET is_featured = NOT is_featured WHERE id IN (SELECT chain_id FROM changed);
    INSERT INTO tags SELECT project_id, 'chained' FROM changed;
    RETURN NULL;
END
$$;
CREATE TRIGGER zz_feature AFTER INSERT ON chain_projects
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION feature_chains();

CREATE FUNCTION tidy_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.username = 'username1' THEN
        RETURN NULL;
    END IF;
    NEW.is_active := NEW.is_active OR NEW.is_admin;
    RETURN NEW;
END
$$;
CREATE TRIGGER tidy_name BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION tidy_name();
