-- What 004 implies and does not write down: who computes previous_score and new_score, and who logs a change of the mode.

-- Food is posted in groups.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'food_posts_group_id_fkey' AND conrelid = 'food_posts'::regclass) THEN
        ALTER TABLE food_posts ADD CONSTRAINT food_posts_group_id_fkey FOREIGN KEY (group_id) REFERENCES community_groups (id);
    END IF;
END
$$;

-- A score after an event: between 0 and 99.99, the greatest that DECIMAL(4,2) holds (F12: 100 overflows). The order of events
-- therefore matters: 99 + 5 - 5 is 94.99, 99 - 5 + 5 is 99.
CREATE OR REPLACE FUNCTION reputation_step(score numeric, impact numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT round(least(99.99, greatest(0.00, score + impact)), 2)
$$;

-- The score and its peak after all events, in their order: {score, peak}. Names are qualified: models call it under a search_path of
-- their own.
CREATE OR REPLACE FUNCTION reputation_step(state numeric[], impact numeric) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[next.score, greatest(state[2], next.score)] FROM (SELECT public.reputation_step(state[1], impact)) AS next (score)
$$;

DO $$
BEGIN
    IF to_regprocedure('reputation(numeric)') IS NULL THEN
        CREATE AGGREGATE reputation(numeric) (SFUNC = reputation_step, STYPE = numeric[], INITCOND = '{75.00,75.00}');
    END IF;
END
$$;

-- The one way to write an event. The user's own row is locked, so events of one user come one after the other, and previous_score is
-- what the event before left. clock_timestamp(): two events of one transaction have an order, too.
CREATE OR REPLACE FUNCTION record_reputation_event(
    for_user uuid, type varchar, impact numeric, in_group uuid DEFAULT NULL, exchange uuid DEFAULT NULL, says text DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    now_is timestamp;
    before numeric;
    after numeric;
    event uuid := gen_random_uuid();
BEGIN
    INSERT INTO user_global_reputation (user_id) VALUES (for_user) ON CONFLICT (user_id) DO NOTHING;
    SELECT overall_score INTO before FROM user_global_reputation WHERE user_id = for_user FOR UPDATE;
    now_is := clock_timestamp();
    after := reputation_step(before, impact);
    INSERT INTO reputation_events (id, user_id, event_type, impact_score, previous_score, new_score, group_id, related_exchange_id,
                                   description, stream_id, stream_partition, created_at)
    VALUES (event, for_user, type, impact, before, after, in_group, exchange, says,
            'reputation-' || event, abs(hashtext(for_user::text) % 8), now_is);
    UPDATE user_global_reputation
    SET overall_score = after, peak_reputation = greatest(peak_reputation, after),
        last_activity = now_is, reputation_updated_at = now_is, last_stream_event_id = 'reputation-' || event
    WHERE user_id = for_user;
    RETURN event;
END
$$;

-- Brings the other columns of user_global_reputation to what the model user_reputation says, where they differ. For a scheduler; what
-- reads the model itself needs it not. Returns how many rows changed.
CREATE OR REPLACE FUNCTION sync_user_global_reputation() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
BEGIN
    UPDATE user_global_reputation t
    SET trust_level = m.trust_level, total_food_shared = m.total_food_shared, total_food_claimed = m.total_food_claimed,
        total_exchanges_completed = m.total_exchanges_completed, total_groups_participated = m.total_groups_participated,
        avg_food_rating = m.avg_food_rating, avg_recipient_rating = m.avg_recipient_rating, reliability_score = m.reliability_score,
        reported_incidents = m.reported_incidents, resolved_disputes = m.resolved_disputes,
        community_contributions = m.community_contributions, account_age_days = m.account_age_days, last_activity = m.last_activity,
        reputation_trend = m.reputation_trend, stream_lag_seconds = m.stream_lag_seconds, reputation_sync_status = m.reputation_sync_status
    FROM user_reputation m
    WHERE m.user_id = t.user_id
      AND (t.trust_level, t.total_food_shared, t.total_food_claimed, t.total_exchanges_completed, t.total_groups_participated,
           t.avg_food_rating, t.avg_recipient_rating, t.reliability_score, t.reported_incidents, t.resolved_disputes,
           t.community_contributions, t.account_age_days, t.last_activity, t.reputation_trend, t.reputation_sync_status)
          IS DISTINCT FROM
          (m.trust_level, m.total_food_shared, m.total_food_claimed, m.total_exchanges_completed, m.total_groups_participated,
           m.avg_food_rating, m.avg_recipient_rating, m.reliability_score, m.reported_incidents, m.resolved_disputes,
           m.community_contributions, m.account_age_days, m.last_activity, m.reputation_trend, m.reputation_sync_status);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;

-- Every change of the mode is logged, whoever makes it; the reason is what the session says it is.
CREATE OR REPLACE FUNCTION log_mode_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    event uuid := gen_random_uuid();
BEGIN
    INSERT INTO mode_transition_events (id, user_id, from_mode, to_mode, reason, stream_id)
    VALUES (event, NEW.id, OLD.sharing_mode, NEW.sharing_mode, nullif(current_setting('foodshare.reason', true), ''), 'mode-' || event);
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS log_mode_transition ON users;
CREATE TRIGGER log_mode_transition AFTER UPDATE OF sharing_mode ON users
FOR EACH ROW WHEN (OLD.sharing_mode IS DISTINCT FROM NEW.sharing_mode) EXECUTE FUNCTION log_mode_transition();

-- Every foreign key of 004 is NO ACTION, so nobody with a reputation can be deleted (F13). This takes along what is theirs; exchanges
-- and ratings of their food go with it. Groups that they administer stay, without them.
CREATE OR REPLACE FUNCTION forget_user(who uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM users WHERE id = who FOR UPDATE;
    UPDATE community_groups SET admin_user_id = NULL WHERE admin_user_id = who;
    DELETE FROM mode_transition_events WHERE user_id = who;
    DELETE FROM reputation_events WHERE user_id = who;
    DELETE FROM user_global_reputation WHERE user_id = who;
    DELETE FROM ratings WHERE rated_user_id = who;
    DELETE FROM exchanges WHERE claimer_id = who;
    DELETE FROM food_posts WHERE user_id = who;
    DELETE FROM users WHERE id = who;
END
$$;

-- Document 004, step 3, by its name. There is nothing to refresh: the model follows every batch. What calls it finds the view
-- brought up to date with all that was committed before the call.
CREATE OR REPLACE FUNCTION refresh_group_activity_summary() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM headwater.wait();
END
$$;
