-- The data of the food-sharing platform: deterministic, skewed as a real site's is, any size.
--
--   SET foodshare.scale = 0.1;   -- before this file; 1 when not set
--
-- Scale 1 is 50,000 users, 2,000 groups, 200,000 food posts, 300,000 exchanges, 250,000 ratings, 100,000 reputation events. It loads
-- in one session, in a transaction or not.
--
-- Row n of a table gets the id md5('<table>' || n); every choice is a hash of n and of a number that names the choice, so the same
-- scale gives the same rows everywhere. Only the timestamps move: they are counted back from date_trunc('hour', now()), over the last
-- 120 days. Low numbers are popular: a choice among m rows takes row 1 + m * u ^ skew with u uniform.

SET timezone = 'UTC';

-- These do not change while the file loads: called IMMUTABLE, they are evaluated once a statement and not once a row.
CREATE FUNCTION pg_temp.size(at_scale_1 int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(2, round(at_scale_1 * coalesce(nullif(current_setting('foodshare.scale', true), ''), '1')::numeric))::int
$$;
CREATE FUNCTION pg_temp.base() RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$ SELECT date_trunc('hour', now())::timestamp $$;
-- Uniform in [0, 1), from the row's number and the choice's number.
CREATE FUNCTION pg_temp.u(n int, choice int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint4extended(n, choice) & 4503599627370495) / 4503599627370496.0::float8
$$;
-- One of 1..m, low numbers more often.
CREATE FUNCTION pg_temp.pick(n int, choice int, m int, skew float8) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT 1 + floor(m * power((hashint4extended(n, choice) & 4503599627370495) / 4503599627370496.0::float8, skew))::int
$$;
CREATE FUNCTION pg_temp.word(words text[], n int, choice int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT words[1 + ((hashint4extended(n, choice) & 2147483647) % cardinality(words))::int]
$$;
CREATE FUNCTION pg_temp.id(kind text, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || n)::uuid $$;
-- So many days before the base, to the second.
CREATE FUNCTION pg_temp.ago(days float8) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    SELECT date_trunc('second', pg_temp.base() - make_interval(secs => days * 86400))
$$;

-- 50,000 users; one in five shares with communities.
INSERT INTO users (id, telegram_id, username, created_at, sharing_mode, verification_level)
SELECT pg_temp.id('user', n), 100000 + n,
       pg_temp.word('{ada,grace,linus,barbara,edsger,margaret,alan,radia,ken,frances,zoë,søren,žofia,ñusta,さくら,李明,Ольга,أمل,νίκη}', n, 1) || '_' || n,
       pg_temp.ago(1 + 700 * pg_temp.u(n, 2)),
       CASE WHEN pg_temp.u(n, 3) < 0.2 THEN 'community' ELSE 'neighborhood' END,
       pg_temp.word('{full,full,full,basic,none}', n, 4)
FROM generate_series(1, pg_temp.size(50000)) AS n;

-- 2,000 groups; a few have no Telegram group and no administrator.
INSERT INTO community_groups (id, telegram_group_id, name, group_type, verification_required, admin_user_id, created_at)
SELECT pg_temp.id('group', n), CASE WHEN n % 20 > 0 THEN -1000000 - n END,
       pg_temp.word('{Harbour,Hill,Old town,River,Market,Station,Garden,Park,University,Mill}', n, 5) || ' '
           || pg_temp.word('{table,kitchen,pantry,fridge,share,leftovers}', n, 6) || ' ' || n,
       CASE WHEN pg_temp.u(n, 7) < 0.6 THEN 'neighborhood' ELSE 'community' END,
       pg_temp.u(n, 8) < 0.3,
       CASE WHEN n % 30 > 0 THEN pg_temp.id('user', pg_temp.pick(n, 9, pg_temp.size(50000), 1)) END,
       pg_temp.ago(120 + 500 * pg_temp.u(n, 10))
FROM generate_series(1, pg_temp.size(2000)) AS n;

-- 200,000 posts. Of the newest, many are still available and can be picked up; of the older ones some were forgotten: available for
-- ever, though nobody can pick them up. One in fifty is in no group.
INSERT INTO food_posts (id, user_id, group_id, title, description, portions, status, pickup_time, created_at)
SELECT pg_temp.id('food', n),
       pg_temp.id('user', pg_temp.pick(n, 11, pg_temp.size(50000), 1.7)),
       CASE WHEN n % 50 > 0 THEN pg_temp.id('group', pg_temp.pick(n, 12, pg_temp.size(2000), 1.6)) END,
       pg_temp.word('{Bread,Soup,Rice,Apples,Lentil stew,Pasta,Salad,Cake,Yoghurt,Potatoes,Curry,Tofu}', n, 13)
           || pg_temp.word('{" from yesterday"," (vegan)"," for two"," - a lot of it",""," from the bakery"}', n, 14),
       CASE WHEN pg_temp.u(n, 15) < 0.5 THEN 'Ring twice.' END,
       1 + (pg_temp.u(n, 16) * 6)::int,
       CASE WHEN age < 2 THEN pg_temp.word('{available,available,available,claimed,picked_up}', n, 17)
            ELSE pg_temp.word('{picked_up,picked_up,picked_up,picked_up,claimed,withdrawn,available}', n, 17) END,
       pg_temp.ago(age - 0.1 - 3 * pg_temp.u(n, 18)),
       pg_temp.ago(age)
FROM (SELECT n, 120 * pg_temp.u(n, 19) AS age FROM generate_series(1, pg_temp.size(200000)) AS n) AS posts;

-- 300,000 exchanges, after their posts.
INSERT INTO exchanges (id, food_id, claimer_id, status, created_at)
SELECT pg_temp.id('exchange', n), p.id, pg_temp.id('user', pg_temp.pick(n, 20, pg_temp.size(50000), 1.3)),
       pg_temp.word('{completed,completed,completed,completed,completed,completed,confirmed,pending,cancelled,cancelled}', n, 21),
       least(p.created_at + make_interval(secs => 86400 * pg_temp.u(n, 22)), pg_temp.base())
FROM (SELECT n, pg_temp.id('food', pg_temp.pick(n, 23, pg_temp.size(200000), 1)) AS food_id
      FROM generate_series(1, pg_temp.size(300000)) AS n) AS exchange
JOIN food_posts p ON p.id = exchange.food_id;

-- 250,000 ratings: of the food of every completed exchange, and of who received it for some of them.
INSERT INTO ratings (id, exchange_id, rated_user_id, kind, stars, created_at)
SELECT md5('rating' || kind || done.id)::uuid, done.id, CASE kind WHEN 'food' THEN done.user_id ELSE done.claimer_id END, kind,
       pg_temp.word('{5,5,5,4,4,3,2,1}', done.n, 24)::int,
       least(done.created_at + make_interval(secs => 3600 * (1 + 20 * pg_temp.u(done.n, 25))), pg_temp.base())
FROM (SELECT x.id, x.claimer_id, x.created_at, p.user_id, row_number() OVER (ORDER BY x.id)::int AS n
      FROM exchanges x JOIN food_posts p ON p.id = x.food_id WHERE x.status = 'completed') AS done
CROSS JOIN (VALUES (1, 'food'), (2, 'recipient')) AS kinds (rank, kind)
ORDER BY rank, done.n
LIMIT pg_temp.size(250000);

-- 100,000 reputation events of one user in two, each with the score that the one before it left.
INSERT INTO reputation_events (id, user_id, event_type, impact_score, previous_score, new_score, group_id, description, stream_id, stream_partition, processed_at, created_at)
SELECT id, user_id, event_type, impact,
       (reputation(impact) OVER (PARTITION BY user_id ORDER BY created_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))[1],
       (reputation(impact) OVER (PARTITION BY user_id ORDER BY created_at, id))[1],
       group_id, NULL, 'reputation-' || id, abs(hashtext(user_id::text) % 8), CASE WHEN n % 400 > 0 THEN created_at END, created_at
FROM (
    SELECT n, pg_temp.id('event', n) AS id, pg_temp.id('user', 2 * pg_temp.pick(n, 26, pg_temp.size(25000), 1.2)) AS user_id,
           kind AS event_type,
           (CASE kind WHEN 'incident_reported' THEN -12.5 WHEN 'no_show' THEN -4 WHEN 'dispute_resolved' THEN 1.5 ELSE 1 + 2 * pg_temp.u(n, 27) END)::numeric(5, 2) AS impact,
           CASE WHEN n % 3 > 0 THEN pg_temp.id('group', pg_temp.pick(n, 28, pg_temp.size(2000), 1.6)) END AS group_id,
           pg_temp.ago(120 * pg_temp.u(n, 29)) AS created_at
    FROM (SELECT n, pg_temp.word('{exchange_completed,exchange_completed,exchange_completed,good_rating,contribution,no_show,incident_reported,dispute_resolved}', n, 30) AS kind
          FROM generate_series(1, pg_temp.size(100000)) AS n) AS kinds
) AS events;

-- Everybody has a row. What of it is not a score, `SELECT sync_user_global_reputation()` brings from the model.
INSERT INTO user_global_reputation (user_id, overall_score, peak_reputation, last_activity, reputation_updated_at, last_stream_event_id)
SELECT u.id, coalesce(e.state[1], 75), coalesce(e.state[2], 75), coalesce(e.last_at, u.created_at), coalesce(e.last_at, u.created_at), e.stream_id
FROM users u LEFT JOIN (
    SELECT o.user_id, reputation(o.impact_score ORDER BY o.created_at, o.id) AS state, max(o.created_at) AS last_at,
           (array_agg(o.stream_id ORDER BY o.created_at DESC, o.id DESC))[1] AS stream_id
    FROM reputation_events o GROUP BY o.user_id
) AS e ON e.user_id = u.id;

-- Who shares with communities has once moved there.
INSERT INTO mode_transition_events (id, user_id, from_mode, to_mode, reason, stream_id, created_at)
SELECT md5('mode' || u.id)::uuid, u.id, 'neighborhood', 'community', 'joined a community', 'mode-' || md5('mode' || u.id), u.created_at + interval '1 hour'
FROM users u WHERE u.sharing_mode = 'community';

RESET timezone;
