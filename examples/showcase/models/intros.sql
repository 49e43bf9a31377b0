-- Badges on the intro pages: document 003's table intro_request_stats, a row for every user.
--
-- Counted from the present status: 003's trigger missed approved -> rejected, deletions, and requests inserted as
-- approved. last_updated_at is the latest change of one of the user's requests on either side; NULL without any.

-- headwater: realtime
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
