-- What the application writes while the demo runs. Each statement list between two `-- name:` lines is one transaction, to be run
-- between BEGIN and COMMIT; `weight` is how often it is drawn against the others. No text and no comment in here contains a
-- semicolon, so the file can be split at them.
--
-- Nothing takes parameters: every transaction picks its rows by itself, in a few index steps.
--   * WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1   any row, all alike
-- A pick may find nothing: then nothing is written. Rows that a new row refers to are picked FOR KEY SHARE, the lock that the foreign
-- key takes anyway.
--
-- Concurrent transactions of several statements can deadlock on the application's own rows, as in any application: repeat those that
-- end with 40P01 (or 40001 at higher isolation levels). Times are UTC, whatever the session's zone.

-- Food ---------------------------------------------------------------------------------------------------------------

-- name: post_food weight: 120
INSERT INTO food_posts (user_id, group_id, title, portions, pickup_time, created_at)
SELECT who.id, place.id, 'Bread for ' || (1 + floor(random() * 5))::int, 2, (now() AT TIME ZONE 'UTC') + interval '6 hours', now() AT TIME ZONE 'UTC'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who,
     (SELECT id FROM community_groups WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) place;

-- name: post_food_that_is_gone_soon weight: 20
INSERT INTO food_posts (user_id, group_id, title, pickup_time, created_at)
SELECT who.id, place.id, 'Soup, quick', (now() AT TIME ZONE 'UTC') + interval '2 seconds', now() AT TIME ZONE 'UTC'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who,
     (SELECT id FROM community_groups WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) place;

-- name: post_of_nearly_30_days_ago weight: 10
-- Written late: it leaves the 30 days in a moment.
INSERT INTO food_posts (user_id, group_id, title, status, pickup_time, created_at)
SELECT who.id, place.id, 'Forgotten soup', 'picked_up', (now() AT TIME ZONE 'UTC') - interval '29 days', (now() AT TIME ZONE 'UTC') - interval '30 days' + interval '1 second'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who,
     (SELECT id FROM community_groups WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) place;

-- name: edit_post weight: 25
UPDATE food_posts SET title = split_part(title, ' (', 1) || ' (edited)', portions = portions + 1
WHERE id = (SELECT id FROM food_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: withdraw_post weight: 10
UPDATE food_posts SET status = 'withdrawn'
WHERE status = 'available' AND id = (SELECT id FROM food_posts WHERE status = 'available' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: move_post weight: 6
UPDATE food_posts SET group_id = place.id
FROM (SELECT id FROM community_groups WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) place
WHERE food_posts.id = (SELECT id FROM food_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_post weight: 4
-- Its exchanges and their ratings go with it.
DELETE FROM food_posts WHERE id = (SELECT id FROM food_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Exchanges ----------------------------------------------------------------------------------------------------------

-- name: claim weight: 110
INSERT INTO exchanges (food_id, claimer_id, created_at)
SELECT food.id, who.id, now() AT TIME ZONE 'UTC'
FROM (SELECT id FROM food_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) food,
     (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who;

-- name: claim_and_take weight: 20
SELECT set_config('foodshare.food', coalesce((SELECT id::text FROM food_posts WHERE status = 'available' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR UPDATE), ''), TRUE);
INSERT INTO exchanges (food_id, claimer_id, status, created_at)
SELECT nullif(current_setting('foodshare.food'), '')::uuid, who.id, 'confirmed', now() AT TIME ZONE 'UTC'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who
WHERE current_setting('foodshare.food') <> '';
UPDATE food_posts SET status = 'claimed' WHERE id = nullif(current_setting('foodshare.food'), '')::uuid;

-- name: confirm weight: 40
UPDATE exchanges SET status = 'confirmed'
WHERE status = 'pending' AND id = (SELECT id FROM exchanges WHERE status = 'pending' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: complete weight: 60
UPDATE exchanges SET status = 'completed'
WHERE status IN ('pending', 'confirmed') AND id = (SELECT id FROM exchanges WHERE status IN ('pending', 'confirmed') AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: cancel weight: 15
UPDATE exchanges SET status = 'cancelled'
WHERE status <> 'cancelled' AND id = (SELECT id FROM exchanges WHERE status <> 'cancelled' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: rate weight: 70
INSERT INTO ratings (exchange_id, rated_user_id, kind, stars, created_at)
SELECT x.id, x.claimer_id, 'recipient', 1 + floor(random() * 5)::int, now() AT TIME ZONE 'UTC'
FROM (SELECT id, claimer_id FROM exchanges WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) x
ON CONFLICT (exchange_id, kind) DO UPDATE SET stars = EXCLUDED.stars, created_at = EXCLUDED.created_at;

-- name: rate_again weight: 10
UPDATE ratings SET stars = 1 + stars % 5 WHERE id = (SELECT id FROM ratings WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: take_rating_back weight: 4
DELETE FROM ratings WHERE id = (SELECT id FROM ratings WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- People -------------------------------------------------------------------------------------------------------------

-- name: register weight: 15
INSERT INTO users (username, created_at) SELECT 'new_' || left(gen_random_uuid()::text, 8), now() AT TIME ZONE 'UTC';

-- name: change_mode weight: 15
SELECT set_config('foodshare.reason', 'changed in the settings', TRUE);
UPDATE users SET sharing_mode = CASE sharing_mode WHEN 'community' THEN 'neighborhood' ELSE 'community' END
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: rename weight: 5
UPDATE users SET username = split_part(username, '~', 1) || '~' || left(gen_random_uuid()::text, 4)
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: found_group weight: 3
INSERT INTO community_groups (name, group_type, admin_user_id, created_at)
SELECT 'New table ' || left(who.id::text, 4), 'community', who.id, now() AT TIME ZONE 'UTC'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who;

-- name: rename_group weight: 3
UPDATE community_groups SET name = split_part(name, ' ~', 1) || ' ~' || left(gen_random_uuid()::text, 4)
WHERE id = (SELECT id FROM community_groups WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Reputation ---------------------------------------------------------------------------------------------------------

-- name: good_deed weight: 40
SELECT record_reputation_event(who.id, 'exchange_completed', 1.5)
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who;

-- name: incident weight: 10
SELECT record_reputation_event(who.id, 'incident_reported', -12.5, NULL, NULL, 'Did not come.')
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) who;

-- name: process_events weight: 10
UPDATE reputation_events SET processed_at = now() AT TIME ZONE 'UTC'
WHERE processed_at IS NULL AND id = (SELECT id FROM reputation_events WHERE processed_at IS NULL AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: annul_event weight: 3
-- What came after it has another score then. What writers recorded meanwhile stays, and reputation_history tells the difference.
DELETE FROM reputation_events WHERE id = (SELECT id FROM reputation_events WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: second_thoughts weight: 6
-- What happens between the savepoint and the rollback never was.
SAVEPOINT before_the_mistake;
UPDATE users SET sharing_mode = 'community' WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
DELETE FROM exchanges WHERE id = (SELECT id FROM exchanges WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
ROLLBACK TO SAVEPOINT before_the_mistake;
UPDATE food_posts SET portions = portions + 1 WHERE id = (SELECT id FROM food_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
