-- headwater.event is a source table like any other, also where nothing is installed yet.
CREATE MATERIALIZED VIEW told AS
SELECT e.id, e.channel, e.at, e.payload, u.name FROM headwater.event e LEFT JOIN users u ON u.id = (e.payload->>'user')::int;

-- A feed of events and of rows.
-- headwater: eventual
-- headwater: retain append keep 30 days by at follow deletes
CREATE MATERIALIZED VIEW feed AS
SELECT 'event' AS kind, e.id, e.at, e.payload FROM headwater.event e
UNION ALL SELECT 'project', p.id, p.created_at, to_jsonb(p.title) FROM projects p;
CREATE UNIQUE INDEX ON feed (kind, id);
