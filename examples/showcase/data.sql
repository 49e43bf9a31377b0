-- The data of the showcase: deterministic, skewed as a real site's is, any size.
--
--   SET showcase.scale = 0.1;   -- before this file; 1 when not set
--
-- Scale 1 is 5,000 users, 10,000 projects, 100,000 comments, 300,000 votes, 50,000 badges, 500 chains, 50,000 chain posts,
-- 200,000 messages, 200,000 notifications, and what goes with them. It loads in one session, in a transaction or not.
--
-- Row n of a table gets the id md5('<table>' || n); every choice is a hash of n and of a number that names the choice, so
-- the same scale gives the same rows everywhere. Only the timestamps move: they are counted back from
-- date_trunc('hour', now()), over the last year. Low numbers are popular: a choice among m rows takes row
-- 1 + m * u ^ skew with u uniform, so with skew 2 the first of 10,000 projects gets 1% of all votes and half of them go to
-- the first quarter. Users with low numbers are loud in the same way.

-- These two do not change while the file loads: called IMMUTABLE, they are evaluated once a statement and not once a row.
CREATE FUNCTION pg_temp.size(at_scale_1 int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(2, round(at_scale_1 * coalesce(nullif(current_setting('showcase.scale', true), ''), '1')::numeric))::int
$$;
CREATE FUNCTION pg_temp.base() RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT date_trunc('hour', now()) $$;
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
-- A moment between `since` and the base; every 16th row of a table is cut to the hour, so that ties occur.
CREATE FUNCTION pg_temp.moment(n int, choice int, since timestamptz, base timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN n % 16 = 0 THEN greatest(since, date_trunc('hour', since + (base - since) * pg_temp.u(n, choice)))
                ELSE date_trunc('second', since + (base - since) * pg_temp.u(n, choice)) END
$$;
-- A few words that read like a comment, a message, a post.
CREATE FUNCTION pg_temp.sentence(n int, choice int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_temp.word('{"Great work","I like this","Not convinced yet","Can you explain","Love the idea","Impressive","We tried the same","Tell me more about","Small question on","Très bien","とても良い","Спасибо","Un saludo,","👏","Reminds me of"}', n, choice)
        || pg_temp.word('{" the demo"," the proof"," your benchmark"," the roadmap"," the contract"," the new release"," the consensus part"," the data model"," pricing"," the team"}', n, choice + 1)
        || pg_temp.word('{"."," — really!",", and thank you"," 🚀"," (see the link)","?",", let us talk",""," 100%",", \"quoted\" words included"}', n, choice + 2)
$$;

-- 5,000 users. About 3% are deactivated, 5% validators; bios and images are missing for some. User 7 is named 'the', a
-- stop word of full-text search.
INSERT INTO users (id, username, email, bio, profile_image, is_verified, is_active, is_admin, is_validator, last_login_at, created_at, updated_at)
SELECT pg_temp.id('user', n),
       CASE n WHEN 7 THEN 'the'
              ELSE pg_temp.word('{ada,grace,linus,barbara,edsger,margaret,alan,radia,ken,frances,leslie,hedy,dennis,katherine,bjarne,zoë,søren,žofia,ñusta,さくら,李明,Ольга,أمل,νίκη}', n, 1)
                || pg_temp.word('{_builds,_codes,.dev,_labs,-works,_io,.eth,_ships,_invests,""}', n, 2) || '_' || n END,
       'user' || n || '@example.org',
       CASE WHEN pg_temp.u(n, 3) < 0.7 THEN pg_temp.word('{"Building","Researching","Investing in","Writing about","Teaching","Curious about"}', n, 4)
                || pg_temp.word('{" distributed systems"," consensus protocols"," climate tech"," developer tools"," open hardware"," games"," health data"," privacy"," 机器学习"," robótica"}', n, 5) END,
       CASE WHEN pg_temp.u(n, 6) < 0.6 THEN 'https://img.example.org/u/' || n || '.png' END,
       pg_temp.u(n, 7) < 0.2,
       pg_temp.u(n, 8) >= 0.03,
       n <= 3,
       n % 20 = 1,
       CASE WHEN pg_temp.u(n, 9) < 0.8 THEN pg_temp.moment(n, 10, pg_temp.base() - interval '60 days', pg_temp.base()) END,
       created_at, created_at
FROM (SELECT n, pg_temp.moment(n, 11, pg_temp.base() - interval '365 days', pg_temp.base() - interval '5 days') AS created_at
      FROM generate_series(1, pg_temp.size(5000)) n) numbered;

-- 50,000 badges are drafted first: a project's proof score is the sum of their points. Every 20th user is a validator.
CREATE TEMP TABLE draft_badges AS
SELECT n,
       pg_temp.pick(n, 21, pg_temp.size(10000), 1.8) AS project,
       1 + 20 * (pg_temp.pick(n, 22, greatest(1, (pg_temp.size(5000) + 19) / 20), 2) - 1) AS validator,
       pg_temp.word('{bronze,bronze,bronze,bronze,silver,silver,silver,gold,gold,platinum}', n, 23) AS badge_type
FROM generate_series(1, pg_temp.size(50000)) n;

-- 10,000 projects of loud and quiet builders. About 4% are soft-deleted.
INSERT INTO projects (id, user_id, title, description, proof_of_work_link, image_url, category, proof_score, is_featured, is_deleted, created_at, updated_at)
SELECT pg_temp.id('project', n),
       pg_temp.id('user', pg_temp.pick(n, 31, pg_temp.size(5000), 1.6)),
       pg_temp.word('{"Open","Distributed","Tiny","Verifiable","Local-first","Federated","Solar","Quantum-safe","Human","Низкий","静かな","Élan"}', n, 32)
         || pg_temp.word('{" Consensus"," Ledger"," Garden"," Compiler"," Notebook"," Market"," Radio"," Atlas"," Sensor"," Archive"," Kitchen"," Proofs"}', n, 33)
         || CASE WHEN pg_temp.u(n, 34) < 0.5 THEN ' ' || n ELSE '' END,
       CASE WHEN pg_temp.u(n, 35) < 0.9 THEN pg_temp.word('{"A distributed","A small","An open","A fast","A fair"}', n, 36)
         || pg_temp.word('{" system for"," toolkit for"," community around"," experiment with"," marketplace for"}', n, 37)
         || pg_temp.word('{" shared data."," proofs of work."," local energy."," reproducible research."," music."," городские сады."}', n, 38) END,
       CASE WHEN pg_temp.u(n, 39) < 0.6 THEN 'https://proof.example.org/' || n END,
       CASE WHEN pg_temp.u(n, 40) < 0.8 THEN 'https://img.example.org/p/' || n || '.png' END,
       CASE WHEN pg_temp.u(n, 41) < 0.95 THEN pg_temp.word('{ai,web3,climate,devtools,health,games,hardware,education}', n, 42) END,
       coalesce(badges.points, 0),
       pg_temp.u(n, 43) < 0.02,
       pg_temp.u(n, 44) < 0.04,
       created_at,
       CASE WHEN pg_temp.u(n, 45) < 0.3 THEN pg_temp.moment(n, 46, created_at, pg_temp.base()) ELSE created_at END
FROM (SELECT n, pg_temp.moment(n, 47, pg_temp.base() - interval '360 days', pg_temp.base() - interval '1 hour') AS created_at
      FROM generate_series(1, pg_temp.size(10000)) n) numbered
LEFT JOIN (SELECT project, sum(CASE badge_type WHEN 'bronze' THEN 5 WHEN 'silver' THEN 10 WHEN 'gold' THEN 15 ELSE 20 END) AS points
           FROM draft_badges GROUP BY project) badges ON badges.project = n;

INSERT INTO validation_badges (id, project_id, validator_id, badge_type, points, rationale, created_at)
SELECT pg_temp.id('badge', n), p.id, pg_temp.id('user', validator), badge_type,
       CASE badge_type WHEN 'bronze' THEN 5 WHEN 'silver' THEN 10 WHEN 'gold' THEN 15 ELSE 20 END,
       CASE WHEN pg_temp.u(n, 51) < 0.4 THEN pg_temp.sentence(n, 52) END,
       pg_temp.moment(n, 55, p.created_at, pg_temp.base())
FROM draft_badges JOIN projects p ON p.id = pg_temp.id('project', project);

DROP TABLE draft_badges;

-- 100,000 comments; every fourth answers an earlier top-level comment of the same project. About 3% are soft-deleted.
WITH drafted AS (
    SELECT n, pg_temp.pick(n, 61, pg_temp.size(10000), 2) AS project, n % 4 = 0 AS is_reply
    FROM generate_series(1, pg_temp.size(100000)) n
), threaded AS (
    SELECT n, project,
           CASE WHEN is_reply THEN max(n) FILTER (WHERE NOT is_reply) OVER (PARTITION BY project ORDER BY n) END AS parent
    FROM drafted
)
INSERT INTO comments (id, project_id, user_id, parent_id, content, is_deleted, created_at, updated_at)
SELECT pg_temp.id('comment', n), p.id, pg_temp.id('user', pg_temp.pick(n, 62, pg_temp.size(5000), 2)),
       pg_temp.id('comment', parent), pg_temp.sentence(n, 63), pg_temp.u(n, 66) < 0.03, at, at
FROM threaded
JOIN projects p ON p.id = pg_temp.id('project', project)
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 67, p.created_at, pg_temp.base()) AS at) moment;

-- 300,000 votes, one per user and project: drafts that repeat a pair are left out. One in eight is a downvote.
INSERT INTO upvotes (id, user_id, project_id, is_upvote, created_at)
SELECT pg_temp.id('upvote', n), pg_temp.id('user', voter), p.id, pg_temp.u(n, 71) >= 0.125,
       pg_temp.moment(n, 72, p.created_at, pg_temp.base())
FROM (SELECT min(n) AS n, project, voter
      FROM (SELECT n, pg_temp.pick(n, 73, pg_temp.size(10000), 2) AS project, pg_temp.pick(n, 74, pg_temp.size(5000), 1.4) AS voter
            FROM generate_series(1, pg_temp.size(390000)) n) drafted
      GROUP BY project, voter
      ORDER BY min(n)
      LIMIT pg_temp.size(300000)) voted
JOIN projects p ON p.id = pg_temp.id('project', project)
ORDER BY pg_temp.id('user', voter), p.id; -- in the order of the unique index: a third faster

-- 200,000 messages in up to 16,000 conversations, the liveliest with a thousand and more. Every 400th conversation is
-- somebody's notes to self. Messages older than two weeks are mostly read.
INSERT INTO direct_messages (id, sender_id, recipient_id, message, is_read, created_at, updated_at)
SELECT pg_temp.id('message', n),
       pg_temp.id('user', CASE WHEN outward THEN a ELSE b END),
       pg_temp.id('user', CASE WHEN outward THEN b ELSE a END),
       pg_temp.sentence(n, 81), is_read, at,
       CASE WHEN is_read THEN least(pg_temp.base(), at + interval '3 hours' * pg_temp.u(n, 84)) ELSE at END
FROM (SELECT n, outward, a, b, at,
             pg_temp.u(n, 85) < CASE WHEN at < pg_temp.base() - interval '14 days' THEN 0.97 ELSE 0.55 END AS is_read
      FROM (SELECT n, pg_temp.u(n, 86) < 0.5 AS outward,
                   pg_temp.pick(conversation, 87, pg_temp.size(5000), 1.6) AS a,
                   pg_temp.pick(conversation, CASE WHEN conversation % 400 = 0 THEN 87 ELSE 88 END, pg_temp.size(5000), 1.6) AS b,
                   pg_temp.moment(n, 89, pg_temp.base() - interval '300 days', pg_temp.base()) AS at
            FROM (SELECT n, pg_temp.pick(n, 90, pg_temp.size(16000), 2) AS conversation
                  FROM generate_series(1, pg_temp.size(200000)) n) drafted) placed) sent;

-- 200,000 notifications; three in four are read.
INSERT INTO notifications (id, user_id, actor_id, type, title, link, is_read, created_at)
SELECT pg_temp.id('notification', n),
       pg_temp.id('user', pg_temp.pick(n, 91, pg_temp.size(5000), 1.8)),
       CASE WHEN pg_temp.u(n, 92) < 0.8 THEN pg_temp.id('user', pg_temp.pick(n, 93, pg_temp.size(5000), 1.5)) END,
       pg_temp.word('{vote,comment,badge,intro,follow,system}', n, 94),
       pg_temp.word('{"Your project got a vote","New comment","A badge was awarded","Somebody asks for an introduction","New follower","Maintenance tonight"}', n, 94),
       CASE WHEN pg_temp.u(n, 95) < 0.7 THEN '/projects/' || pg_temp.pick(n, 96, pg_temp.size(10000), 2) END,
       pg_temp.u(n, 97) < 0.75,
       pg_temp.moment(n, 98, pg_temp.base() - interval '120 days', pg_temp.base())
FROM generate_series(1, pg_temp.size(200000)) n;

-- 600 investor requests of up to 450 users: some were asked twice, some approved twice.
INSERT INTO investor_requests (id, user_id, status, company_name, investment_focus, ticket_size, portfolio_url, linkedin_url, reviewed_by, created_at, approved_at)
SELECT pg_temp.id('investor', n), pg_temp.id('user', 1 + (n * 11) % pg_temp.size(4950)), status,
       pg_temp.word('{"Northwind","Blue Harbour","Kinetic","Évidence","月光","Old Oak"}', n, 101) || pg_temp.word('{" Capital"," Ventures"," Partners"," Angels"}', n, 102),
       CASE WHEN pg_temp.u(n, 103) < 0.9 THEN pg_temp.word('{ai,web3,climate,devtools,health,games,hardware}', n, 104) END,
       pg_temp.word('{"< 50k","50k - 250k","250k - 1M","> 1M"}', n, 105),
       CASE WHEN pg_temp.u(n, 106) < 0.5 THEN 'https://portfolio.example.org/' || n END,
       CASE WHEN pg_temp.u(n, 107) < 0.7 THEN 'https://linkedin.example.org/in/' || n END,
       CASE WHEN status <> 'pending' THEN pg_temp.id('user', 1 + n % 2) END,
       at,
       CASE WHEN status = 'approved' THEN pg_temp.moment(n, 108, at, pg_temp.base()) END
FROM (SELECT n, pg_temp.word('{pending,approved,approved,approved,rejected}', n, 109) AS status,
             pg_temp.moment(n, 110, pg_temp.base() - interval '300 days', pg_temp.base()) AS at
      FROM generate_series(1, pg_temp.size(600)) n) drafted;

-- 8,000 requests for an introduction, from investors to the builders of popular projects.
INSERT INTO intro_requests (id, project_id, investor_id, builder_id, message, status, created_at, updated_at)
SELECT pg_temp.id('intro', n), CASE WHEN pg_temp.u(n, 121) < 0.95 THEN p.id END, i.user_id, p.user_id,
       CASE WHEN pg_temp.u(n, 122) < 0.8 THEN pg_temp.sentence(n, 123) END, drafted.status, at,
       CASE drafted.status WHEN 'pending' THEN at ELSE pg_temp.moment(n, 126, at, pg_temp.base()) END
FROM (SELECT n, pg_temp.pick(n, 127, pg_temp.size(10000), 2) AS project, pg_temp.pick(n, 128, pg_temp.size(600), 1.7) AS investor,
             pg_temp.word('{pending,pending,approved,approved,rejected}', n, 129) AS status
      FROM generate_series(1, pg_temp.size(8000)) n) drafted
JOIN projects p ON p.id = pg_temp.id('project', project)
JOIN investor_requests i ON i.id = pg_temp.id('investor', investor)
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 130, p.created_at, pg_temp.base()) AS at) moment;

-- 500 chains: one in six is private, one in twenty inactive.
INSERT INTO chains (id, creator_id, name, description, image_url, category, is_public, is_active, is_featured, created_at, updated_at)
SELECT pg_temp.id('chain', n), pg_temp.id('user', pg_temp.pick(n, 141, pg_temp.size(5000), 1.5)),
       pg_temp.word('{"Builders of","Friends of","Weekly","All about","Slow","Women in","Le club"}', n, 142)
         || pg_temp.word('{" Consensus"," Climate"," Robots"," Type Systems"," Gardens"," Postgres"," 音楽"," Fintech"}', n, 143) || ' ' || n,
       CASE WHEN pg_temp.u(n, 144) < 0.85 THEN pg_temp.sentence(n, 145) END,
       CASE WHEN pg_temp.u(n, 148) < 0.7 THEN 'https://img.example.org/c/' || n || '.png' END,
       CASE WHEN pg_temp.u(n, 149) < 0.9 THEN pg_temp.word('{ai,web3,climate,devtools,health,games,hardware,education}', n, 150) END,
       n % 6 <> 0, n % 20 <> 0, n % 25 = 1, at, at
FROM (SELECT n, pg_temp.moment(n, 151, pg_temp.base() - interval '350 days', pg_temp.base() - interval '2 days') AS at
      FROM generate_series(1, pg_temp.size(500)) n) drafted;

-- About 6,000 projects in chains, 25,000 followers: repeated pairs are left out.
INSERT INTO chain_projects (id, chain_id, project_id, added_by, created_at)
SELECT pg_temp.id('chain_project', min(n)), c.id, pg_temp.id('project', project), c.creator_id,
       pg_temp.moment(min(n), 161, c.created_at, pg_temp.base())
FROM (SELECT n, pg_temp.pick(n, 162, pg_temp.size(500), 1.8) AS chain, pg_temp.pick(n, 163, pg_temp.size(10000), 1.5) AS project
      FROM generate_series(1, pg_temp.size(6000)) n) drafted
JOIN chains c ON c.id = pg_temp.id('chain', chain)
GROUP BY c.id, project;

INSERT INTO chain_followers (id, chain_id, user_id, created_at)
SELECT pg_temp.id('follower', min(n)), c.id, pg_temp.id('user', follower), pg_temp.moment(min(n), 171, c.created_at, pg_temp.base())
FROM (SELECT n, pg_temp.pick(n, 172, pg_temp.size(500), 2) AS chain, pg_temp.pick(n, 173, pg_temp.size(5000), 1.3) AS follower
      FROM generate_series(1, pg_temp.size(25000)) n) drafted
JOIN chains c ON c.id = pg_temp.id('chain', chain)
GROUP BY c.id, follower;

-- 50,000 posts in chains, about 4% soft-deleted; about 140,000 votes and 80,000 comments on them.
INSERT INTO chain_posts (id, chain_id, author_id, title, content, post_type, is_pinned, is_deleted, created_at, updated_at)
SELECT pg_temp.id('post', n), c.id, pg_temp.id('user', pg_temp.pick(n, 181, pg_temp.size(5000), 1.7)),
       pg_temp.sentence(n, 182), CASE WHEN pg_temp.u(n, 185) < 0.9 THEN pg_temp.sentence(n, 186) || ' ' || pg_temp.sentence(n, 189) END,
       pg_temp.word('{discussion,discussion,question,announcement,showcase}', n, 192),
       pg_temp.u(n, 193) < 0.005, pg_temp.u(n, 194) < 0.04, at,
       CASE WHEN pg_temp.u(n, 195) < 0.2 THEN pg_temp.moment(n, 196, at, pg_temp.base()) ELSE at END
FROM generate_series(1, pg_temp.size(50000)) n
JOIN chains c ON c.id = pg_temp.id('chain', pg_temp.pick(n, 197, pg_temp.size(500), 2))
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 198, c.created_at, pg_temp.base()) AS at) moment;

INSERT INTO chain_post_votes (id, post_id, user_id, is_upvote, created_at)
SELECT pg_temp.id('post_vote', n), cp.id, pg_temp.id('user', voter), pg_temp.u(n, 201) >= 0.1,
       pg_temp.moment(n, 202, cp.created_at, pg_temp.base())
FROM (SELECT min(n) AS n, post, voter
      FROM (SELECT n, pg_temp.pick(n, 203, pg_temp.size(50000), 2.2) AS post, pg_temp.pick(n, 204, pg_temp.size(5000), 1.3) AS voter
            FROM generate_series(1, pg_temp.size(150000)) n) drafted
      GROUP BY post, voter) voted
JOIN chain_posts cp ON cp.id = pg_temp.id('post', post)
ORDER BY cp.id, pg_temp.id('user', voter);

INSERT INTO chain_post_comments (id, post_id, user_id, content, is_deleted, created_at)
SELECT pg_temp.id('post_comment', n), cp.id, pg_temp.id('user', pg_temp.pick(n, 211, pg_temp.size(5000), 1.8)),
       pg_temp.sentence(n, 212), pg_temp.u(n, 215) < 0.03, pg_temp.moment(n, 216, cp.created_at, pg_temp.base())
FROM generate_series(1, pg_temp.size(80000)) n
JOIN chain_posts cp ON cp.id = pg_temp.id('post', pg_temp.pick(n, 217, pg_temp.size(50000), 2));

-- 1,500 reports, on projects and on comments, and 1,000 pieces of feedback.
INSERT INTO reports (id, reporter_id, project_id, comment_id, reason, details, status, created_at, updated_at)
SELECT pg_temp.id('report', n),
       CASE WHEN pg_temp.u(n, 221) < 0.9 THEN pg_temp.id('user', pg_temp.pick(n, 222, pg_temp.size(5000), 1)) END,
       CASE WHEN n % 3 <> 0 THEN pg_temp.id('project', pg_temp.pick(n, 223, pg_temp.size(10000), 1.5)) END,
       CASE WHEN n % 3 = 0 THEN pg_temp.id('comment', pg_temp.pick(n, 224, pg_temp.size(100000), 1)) END,
       pg_temp.word('{spam,abuse,copyright,misleading,other}', n, 225),
       CASE WHEN pg_temp.u(n, 226) < 0.5 THEN pg_temp.sentence(n, 227) END,
       pg_temp.word('{open,resolved,resolved,dismissed}', n, 230), at, pg_temp.moment(n, 231, at, pg_temp.base())
FROM generate_series(1, pg_temp.size(1500)) n
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 232, pg_temp.base() - interval '60 days', pg_temp.base()) AS at) moment;

INSERT INTO feedback (id, user_id, category, message, status, created_at, updated_at)
SELECT pg_temp.id('feedback', n),
       CASE WHEN pg_temp.u(n, 241) < 0.85 THEN pg_temp.id('user', pg_temp.pick(n, 242, pg_temp.size(5000), 1)) END,
       pg_temp.word('{bug,idea,praise,other}', n, 243), pg_temp.sentence(n, 244),
       pg_temp.word('{open,open,resolved,dismissed}', n, 247), at, pg_temp.moment(n, 248, at, pg_temp.base())
FROM generate_series(1, pg_temp.size(1000)) n
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 249, pg_temp.base() - interval '90 days', pg_temp.base()) AS at) moment;

DROP FUNCTION pg_temp.sentence(int, int);
DROP FUNCTION pg_temp.moment(int, int, timestamptz, timestamptz);
DROP FUNCTION pg_temp.id(text, int);
DROP FUNCTION pg_temp.word(text[], int, int);
DROP FUNCTION pg_temp.pick(int, int, int, float8);
DROP FUNCTION pg_temp.u(int, int);
DROP FUNCTION pg_temp.base();
DROP FUNCTION pg_temp.size(int);

ANALYZE users, projects, comments, upvotes, validation_badges, direct_messages, notifications, investor_requests,
        intro_requests, chains, chain_projects, chain_followers, chain_posts, chain_post_votes, chain_post_comments,
        reports, feedback;
