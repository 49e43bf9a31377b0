-- user_global_reputation as 004 describes it, column by column, from what happened. The scores depend on the order of a user's events:
-- a change of one of them computes that user anew, from all of the user's events (keyed); the rest is counted.

-- headwater: eventual
CREATE MATERIALIZED VIEW user_reputation AS
SELECT
    u.id AS user_id,
    e.state[1]::numeric(4, 2) AS overall_score,
    (CASE WHEN e.state[1] < 40 THEN 'restricted'
          WHEN e.state[1] >= 90 AND e.events >= 20 THEN 'exemplary'
          WHEN e.state[1] >= 80 AND e.events >= 5 THEN 'trusted'
          ELSE 'developing' END)::varchar(20) AS trust_level,
    (SELECT count(*) FROM exchanges x JOIN food_posts p ON p.id = x.food_id
     WHERE p.user_id = u.id AND x.status = 'completed')::int AS total_food_shared,
    (SELECT count(*) FROM exchanges x WHERE x.claimer_id = u.id AND x.status = 'completed')::int AS total_food_claimed,
    (SELECT count(*) FROM exchanges x JOIN food_posts p ON p.id = x.food_id
     WHERE p.user_id = u.id AND x.status = 'completed')::int
        + (SELECT count(*) FROM exchanges x WHERE x.claimer_id = u.id AND x.status = 'completed')::int AS total_exchanges_completed,
    (SELECT count(DISTINCT p.group_id) FROM food_posts p WHERE p.user_id = u.id)::int AS total_groups_participated,
    coalesce(round((SELECT avg(r.stars) FROM ratings r WHERE r.rated_user_id = u.id AND r.kind = 'food'), 2), 0.00)::numeric(3, 2) AS avg_food_rating,
    coalesce(round((SELECT avg(r.stars) FROM ratings r WHERE r.rated_user_id = u.id AND r.kind = 'recipient'), 2), 0.00)::numeric(3, 2) AS avg_recipient_rating,
    -- Of the exchanges that were claimed and are over, those that came about.
    coalesce(round((SELECT avg(CASE WHEN x.status = 'completed' THEN 99.99 ELSE 0 END) FROM exchanges x
                    WHERE x.claimer_id = u.id AND x.status IN ('completed', 'cancelled')), 2), 75.00)::numeric(4, 2) AS reliability_score,
    e.incidents::int AS reported_incidents,
    e.disputes::int AS resolved_disputes,
    e.contributions::int AS community_contributions,
    floor(extract(epoch FROM now() - u.created_at) / 86400)::int AS account_age_days,
    greatest(u.created_at, e.last_at, (SELECT max(p.created_at) FROM food_posts p WHERE p.user_id = u.id),
             (SELECT max(x.created_at) FROM exchanges x WHERE x.claimer_id = u.id)) AS last_activity,
    coalesce(e.last_at, u.created_at) AS reputation_updated_at,
    e.state[2]::numeric(4, 2) AS peak_reputation,
    (CASE WHEN e.lately > 1 THEN 'rising' WHEN e.lately < -1 THEN 'falling' ELSE 'stable' END)::varchar(10) AS reputation_trend,
    (SELECT l.stream_id FROM reputation_events l WHERE l.user_id = u.id ORDER BY l.created_at DESC, l.id DESC LIMIT 1) AS last_stream_event_id,
    coalesce(greatest(0, floor(extract(epoch FROM now() - e.unprocessed_since))), 0)::int AS stream_lag_seconds,
    (CASE WHEN e.unprocessed_since IS NULL THEN 'synced' ELSE 'pending' END)::varchar(20) AS reputation_sync_status
FROM users u
CROSS JOIN LATERAL (
    SELECT
        reputation(o.impact_score ORDER BY o.created_at, o.id) AS state,
        count(*) AS events,
        count(*) FILTER (WHERE o.event_type = 'incident_reported') AS incidents,
        count(*) FILTER (WHERE o.event_type = 'dispute_resolved') AS disputes,
        count(*) FILTER (WHERE o.event_type = 'contribution') AS contributions,
        max(o.created_at) AS last_at,
        min(o.created_at) FILTER (WHERE o.processed_at IS NULL) AS unprocessed_since,
        sum(o.impact_score) FILTER (WHERE o.created_at > now() - interval '30 days') AS lately
    FROM reputation_events o WHERE o.user_id = u.id
) AS e;

CREATE UNIQUE INDEX user_reputation_pkey ON user_reputation (user_id);
CREATE INDEX user_reputation_level ON user_reputation (trust_level, overall_score DESC, user_id);

-- Every event with the score before and after it, computed from the events alone. `as_recorded` tells whether the writer saw the
-- same: false after an event that was written late, changed or deleted.

-- headwater: eventual
CREATE MATERIALIZED VIEW reputation_history AS
SELECT
    e.id,
    e.user_id,
    e.event_type,
    e.impact_score,
    e.before[1]::numeric(4, 2) AS previous_score,
    e.after[1]::numeric(4, 2) AS new_score,
    e.after[2]::numeric(4, 2) AS peak,
    e.recorded = e.after[1] AS as_recorded,
    e.group_id,
    e.created_at
FROM (
    SELECT
        o.id, o.user_id, o.event_type, o.impact_score, o.new_score AS recorded, o.group_id, o.created_at,
        reputation(o.impact_score) OVER (PARTITION BY o.user_id ORDER BY o.created_at, o.id
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
        reputation(o.impact_score) OVER (PARTITION BY o.user_id ORDER BY o.created_at, o.id) AS after
    FROM reputation_events o
    WHERE o.user_id IS NOT NULL
) AS e;

CREATE UNIQUE INDEX reputation_history_pkey ON reputation_history (id);
CREATE INDEX reputation_history_user ON reputation_history (user_id, created_at DESC, id DESC);

-- Who moved between the modes, and why: a log that stays as it was written, whoever is deleted later.

-- headwater: eventual
-- headwater: retain append
CREATE MATERIALIZED VIEW mode_transitions AS
SELECT t.id, t.user_id, t.from_mode, t.to_mode, t.reason, t.stream_id, t.created_at
FROM mode_transition_events t;

CREATE UNIQUE INDEX mode_transitions_pkey ON mode_transitions (id);
CREATE INDEX mode_transitions_newest ON mode_transitions (created_at DESC, id DESC);
