-- One row gives two events; the second one's id is made from the first's. It is never NULL, so keys are compared by "=" alone.
CREATE MATERIALIZED VIEW events AS
SELECT p.id, 'submitted' AS kind, p.submitted_at AS at, p.title FROM proposals p
UNION ALL
SELECT md5('approved' || p.id::text)::uuid, 'approved', p.approved_at, p.title FROM proposals p WHERE p.approved_at IS NOT NULL;
CREATE UNIQUE INDEX ON events (id);
