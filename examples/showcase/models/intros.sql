-- Badges on the intro pages: document 003's table intro_request_stats, a row for every user.
--
-- Counted from the present status: 003's trigger missed approved -> rejected, deletions, and requests inserted as
-- approved. last_updated_at is the latest change of one of the user's requests on either side; NULL without any.

-- headwater: realtime
-- headwater: retain live
CREATE MATERIALIZED VIEW intro_request_stats AS
SELECT
    u.id AS user_id,

    -- As builder (receiving requests)
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id AND i.status = 'pending') AS pending_requests,
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id AND i.status = 'approved') AS approved_requests,
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id AND i.status = 'rejected') AS rejected_requests,

    -- As investor (sending requests)
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = u.id) AS sent_requests,

    greatest(
        (SELECT max(i.updated_at) FROM intro_requests i WHERE i.builder_id = u.id),
        (SELECT max(i.updated_at) FROM intro_requests i WHERE i.investor_id = u.id)
    ) AS last_updated_at
FROM users u;

CREATE UNIQUE INDEX intro_request_stats_pkey ON intro_request_stats (user_id);
CREATE INDEX idx_intro_stats_pending ON intro_request_stats (user_id, pending_requests) WHERE pending_requests > 0;

-- The requests themselves, for both sides: those that a builder received and those that an investor sent. The names of three
-- tables stand in a row, so it is eventual: realtime, every rename of a user would wait for every request.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW my_intros AS
SELECT
    i.builder_id AS user_id,
    'received' AS direction,
    i.id,
    i.status,
    i.message,
    i.created_at,
    i.updated_at,
    i.project_id,
    p.title AS project_title,
    i.investor_id AS other_user_id,
    o.username AS other_username
FROM intro_requests i
JOIN users o ON o.id = i.investor_id
LEFT JOIN projects p ON p.id = i.project_id

UNION ALL

SELECT
    i.investor_id,
    'sent',
    i.id,
    i.status,
    i.message,
    i.created_at,
    i.updated_at,
    i.project_id,
    p.title,
    i.builder_id,
    o.username
FROM intro_requests i
JOIN users o ON o.id = i.builder_id
LEFT JOIN projects p ON p.id = i.project_id;

CREATE UNIQUE INDEX my_intros_key ON my_intros (user_id, direction, id);
CREATE INDEX my_intros_newest ON my_intros (user_id, created_at DESC, direction DESC, id DESC);
