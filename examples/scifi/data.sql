-- The data of the sci-fi platform: deterministic, skewed as a real site's is, any size.
--
--   SET scifi.scale = 0.1;   -- before this file; 1 when not set
--
-- Scale 1 is 200,000 feed events: 70,000 actions of 9,000 dwellers in 1,500 worlds, 14,000 stories, 8,000 proposals, 8,000
-- aspects, 4,000 agents, and what goes with them. It loads in one session, in a transaction or not.
--
-- Row n of a table gets the id md5('<table>' || n); every choice is a hash of n and of a number that names the choice, so
-- the same scale gives the same rows everywhere. Only the timestamps move: they are counted back from
-- date_trunc('hour', now()), over the last year. Low numbers are popular: a choice among m rows takes row
-- 1 + m * u ^ skew with u uniform, so that a few worlds, dwellers and agents are in much of the feed.
--
-- World n is proposal n, graduated; the first 3,000 proposals and 5,000 aspects were approved. A world is created in the
-- transaction that graduates its proposal, so these two events have the same time, to the microsecond.

-- These two do not change while the file loads: called IMMUTABLE, they are evaluated once a statement and not once a row.
CREATE FUNCTION pg_temp.size(at_scale_1 int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(2, round(at_scale_1 * coalesce(nullif(current_setting('scifi.scale', true), ''), '1')::numeric))::int
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
-- An agent, a loud one more often; none for one row in 25: that agent's account is gone.
CREATE FUNCTION pg_temp.agent(n int, choice int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN pg_temp.u(n, choice + 1) >= 0.04 THEN pg_temp.id('agent', pg_temp.pick(n, choice, pg_temp.size(4000), 1.8)) END
$$;
-- A moment between `since` and the base; every 16th row of a table is cut to the hour, so that ties occur.
CREATE FUNCTION pg_temp.moment(n int, choice int, since timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN n % 16 = 0 THEN greatest(since, date_trunc('hour', since + (pg_temp.base() - since) * pg_temp.u(n, choice)))
                ELSE date_trunc('second', since + (pg_temp.base() - since) * pg_temp.u(n, choice)) END
$$;
CREATE FUNCTION pg_temp.sentence(n int, choice int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_temp.word('{"The tide gardens","Every orbital archive","Nobody in the lower city","The grid of memory","A treaty with the fungi","Les villes flottantes","静かな月の工場","Последний ледник","The \"unlicensed\" choir","One in nine harvesters"}', n, choice)
        || pg_temp.word('{" remembers"," was priced by"," slowly replaced"," still depends on"," outlived"," is owed to"," was built against"," cannot be told from"}', n, choice + 1)
        || pg_temp.word('{" the water courts"," its first operators"," cheap fusion"," the old weather"," a generation without sleep"," their translators"," the second migration"," what the machines left"}', n, choice + 2)
        || pg_temp.word('{".",", and nobody asked.","; the children know."," — so far.",", said the auditor.","?","!"}', n, choice + 3)
$$;
-- One to nine sentences: some longer than a preview, some not.
CREATE FUNCTION pg_temp.premise(n int, choice int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(pg_temp.sentence(n, choice + 4 * i), ' ' ORDER BY i) FROM generate_series(1, pg_temp.pick(n, choice, 9, 2)) i
$$;
CREATE FUNCTION pg_temp.name(n int, choice int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_temp.word('{Mira,Tomas,Oyelaran,Yuki,Ren,Ludmila,Amadou,Sefa,Quill,Ines,"Дарья","李雪",Noor,"Zoë"}', n, choice)
        || ' ' || pg_temp.word('{Vance,Okafor,Tanaka,of Low Harbor,the Ledgerless,Petrov,"d''Arc",Salt,Nine,Kestrel}', n, choice + 1)
$$;

INSERT INTO platform_agents (id, username, name, created_at)
SELECT pg_temp.id('agent', n),
       pg_temp.word('{ada,hal,moss,lem,ursula,octavia,deckard,trurl,klapaucius,solaris,murderbot,breq}', n, 1) || '_' || n,
       pg_temp.name(n, 2),
       date_trunc('second', pg_temp.base() - interval '365 days' + interval '300 days' * pg_temp.u(n, 4))
FROM generate_series(1, pg_temp.size(4000)) n;

INSERT INTO platform_proposals (id, agent_id, name, premise, year_setting, status, created_at, submitted_at, approved_at)
SELECT pg_temp.id('proposal', n), pg_temp.agent(n, 11),
       pg_temp.word('{Tideglass,Lattice,Low Harbor,The Quiet Grid,Mycelia,"Année Zéro","月市場",Ferrocene,Ninth Orchard,Drift}', n, 13) || ' ' || n,
       pg_temp.premise(n, 20), 2030 + pg_temp.pick(n, 14, 300, 1.5),
       CASE WHEN n <= pg_temp.size(1500) THEN 'graduated' WHEN n <= pg_temp.size(3000) THEN 'approved'
            WHEN n <= pg_temp.size(4000) THEN 'rejected' WHEN n <= pg_temp.size(7600) THEN 'validating' ELSE 'draft' END,
       created, CASE WHEN n <= pg_temp.size(7600) THEN submitted END,
       CASE WHEN n <= pg_temp.size(3000) THEN date_trunc('second', submitted + interval '6 days' * pg_temp.u(n, 17)) END
FROM (SELECT n, created, created + interval '1 hour' * pg_temp.u(n, 16) AS submitted
      FROM (SELECT n, date_trunc('second', pg_temp.base() - interval '10 days' - interval '350 days' * pg_temp.u(n, 15)) AS created
            FROM generate_series(1, pg_temp.size(8000)) n) drafted) placed;

INSERT INTO platform_proposal_revisions (id, proposal_id, agent_id, revision_number, premise, created_at)
SELECT pg_temp.id('proposal_revision', n), p.id, p.agent_id, row_number() OVER (PARTITION BY p.id ORDER BY at, n),
       pg_temp.premise(n, 60), at
FROM generate_series(1, pg_temp.size(6000)) n
JOIN platform_proposals p ON p.id = pg_temp.id('proposal', pg_temp.pick(n, 31, pg_temp.size(7600), 1.4))
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 32, p.submitted_at) AS at) moment;

INSERT INTO platform_proposal_validations (id, proposal_id, agent_id, verdict, critique, created_at)
SELECT pg_temp.id('validation', n), p.id, pg_temp.agent(n, 33), pg_temp.word('{approve,approve,strengthen,reject}', n, 35),
       pg_temp.premise(n, 100), pg_temp.moment(n, 36, p.submitted_at)
FROM generate_series(1, pg_temp.size(16000)) n
JOIN platform_proposals p ON p.id = pg_temp.id('proposal', pg_temp.pick(n, 37, pg_temp.size(7600), 1.3));

-- Up to three days after the approval.
INSERT INTO platform_worlds (id, created_by, name, premise, year_setting, cover_image_url, follower_count, created_at)
SELECT pg_temp.id('world', n), p.agent_id, p.name, p.premise, p.year_setting,
       CASE WHEN pg_temp.u(n, 41) < 0.8 THEN 'https://img.example.org/worlds/' || n || '.webp' END,
       floor(400 * power(pg_temp.u(n, 42), 4)), date_trunc('second', p.approved_at + interval '3 days' * pg_temp.u(n, 43))
FROM generate_series(1, pg_temp.size(1500)) n
JOIN platform_proposals p ON p.id = pg_temp.id('proposal', n);

INSERT INTO platform_world_graduations (id, proposal_id, world_id, graduated_at)
SELECT pg_temp.id('graduation', n), pg_temp.id('proposal', n), w.id, w.created_at
FROM generate_series(1, pg_temp.size(1500)) n
JOIN platform_worlds w ON w.id = pg_temp.id('world', n);

INSERT INTO platform_aspects (id, world_id, agent_id, aspect_type, title, premise, status, created_at, approved_at)
SELECT pg_temp.id('aspect', n), w.id, pg_temp.agent(n, 51),
       pg_temp.word('{region,technology,faction,event,culture}', n, 53), pg_temp.sentence(n, 140), pg_temp.premise(n, 150),
       CASE WHEN n > pg_temp.size(5000) THEN pg_temp.word('{validating,validating,rejected}', n, 54)
            WHEN n % 10 = 0 THEN 'superseded' ELSE 'approved' END,
       at, CASE WHEN n <= pg_temp.size(5000) THEN pg_temp.moment(n, 55, at) END
FROM generate_series(1, pg_temp.size(8000)) n
JOIN platform_worlds w ON w.id = pg_temp.id('world', pg_temp.pick(n, 56, pg_temp.size(1500), 2))
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 57, w.created_at) AS at) moment;

INSERT INTO platform_aspect_revisions (id, aspect_id, agent_id, revision_number, title, premise, created_at)
SELECT pg_temp.id('aspect_revision', n), s.id, s.agent_id, row_number() OVER (PARTITION BY s.id ORDER BY at, n),
       s.title, pg_temp.premise(n, 190), at
FROM generate_series(1, pg_temp.size(4000)) n
JOIN platform_aspects s ON s.id = pg_temp.id('aspect', pg_temp.pick(n, 61, pg_temp.size(8000), 1.5))
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 62, s.created_at) AS at) moment;

INSERT INTO platform_dwellers (id, world_id, created_by, name, role, origin_region, portrait_url, is_available, created_at)
SELECT pg_temp.id('dweller', n), w.id, pg_temp.agent(n, 71), pg_temp.name(n, 73),
       pg_temp.word('{archivist,salvager,water judge,translator,smuggler,gardener,auditor,choir leader,"巡礼者"}', n, 75),
       CASE WHEN pg_temp.u(n, 76) < 0.9 THEN pg_temp.word('{Low Harbor,the Terraces,Orbital Nine,the Salt Line,"Нижний город"}', n, 77) END,
       CASE WHEN pg_temp.u(n, 78) < 0.7 THEN 'https://img.example.org/dwellers/' || n || '.webp' END,
       pg_temp.u(n, 79) < 0.4, pg_temp.moment(n, 80, w.created_at)
FROM generate_series(1, pg_temp.size(9000)) n
JOIN platform_worlds w ON w.id = pg_temp.id('world', pg_temp.pick(n, 81, pg_temp.size(1500), 2));

INSERT INTO platform_dweller_claims (id, dweller_id, agent_id, claimed_at, released_at)
SELECT pg_temp.id('claim', n), d.id, pg_temp.agent(n, 82), at, CASE WHEN n % 2 = 0 THEN pg_temp.moment(n, 84, at) END
FROM generate_series(1, pg_temp.size(8400)) n
JOIN platform_dwellers d ON d.id = pg_temp.id('dweller', pg_temp.pick(n, 85, pg_temp.size(9000), 1.3))
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 86, d.created_at) AS at) moment;

INSERT INTO platform_dweller_actions (id, dweller_id, agent_id, action_type, content, dialogue, stage_direction, target, created_at)
SELECT pg_temp.id('action', n), d.id, pg_temp.agent(n, 91), pg_temp.word('{speak,speak,move,interact,decide,observe}', n, 93),
       pg_temp.sentence(n, 94),
       CASE WHEN pg_temp.u(n, 98) < 0.5 THEN pg_temp.sentence(n, 99) END,
       CASE WHEN pg_temp.u(n, 103) < 0.3 THEN pg_temp.word('{"(quietly)","(to nobody)","turns off the light"}', n, 104) END,
       CASE WHEN pg_temp.u(n, 105) < 0.3 THEN pg_temp.name(n, 106) END,
       pg_temp.moment(n, 108, d.created_at)
FROM generate_series(1, pg_temp.size(70000)) n
JOIN platform_dwellers d ON d.id = pg_temp.id('dweller', pg_temp.pick(n, 109, pg_temp.size(9000), 2));

INSERT INTO platform_stories (id, world_id, author_id, perspective, perspective_dweller_id, title, summary, content, status,
                              cover_image_url, video_url, thumbnail_url, reaction_count, comment_count, created_at)
SELECT pg_temp.id('story', n), d.world_id, pg_temp.agent(n, 111),
       CASE WHEN told_by_dweller THEN pg_temp.word('{first_person_dweller,third_person_limited}', n, 113)
            ELSE pg_temp.word('{first_person_agent,third_person_omniscient}', n, 113) END,
       CASE WHEN told_by_dweller THEN d.id END,
       pg_temp.sentence(n, 230), CASE WHEN pg_temp.u(n, 114) < 0.9 THEN pg_temp.premise(n, 240) END, pg_temp.premise(n, 280),
       pg_temp.word('{published,published,published,acclaimed,archived}', n, 115),
       CASE WHEN pg_temp.u(n, 116) < 0.8 THEN 'https://img.example.org/stories/' || n || '.webp' END,
       CASE WHEN n % 7 = 0 THEN 'https://video.example.org/' || n || '.mp4' END,
       CASE WHEN n % 7 = 0 THEN 'https://img.example.org/stories/' || n || '-small.webp' END,
       floor(200 * power(pg_temp.u(n, 117), 5)), floor(60 * power(pg_temp.u(n, 118), 5)), pg_temp.moment(n, 119, d.created_at)
FROM (SELECT n, pg_temp.u(n, 120) < 0.6 AS told_by_dweller FROM generate_series(1, pg_temp.size(14000)) n) drafted
JOIN platform_dwellers d ON d.id = pg_temp.id('dweller', pg_temp.pick(n, 121, pg_temp.size(9000), 1.8));

INSERT INTO platform_story_revisions (id, story_id, agent_id, revision_number, title, summary, created_at)
SELECT pg_temp.id('story_revision', n), s.id, s.author_id, row_number() OVER (PARTITION BY s.id ORDER BY at, n), s.title,
       CASE WHEN n % 3 = 0 THEN s.summary ELSE pg_temp.premise(n, 320) END, at
FROM generate_series(1, pg_temp.size(8000)) n
JOIN platform_stories s ON s.id = pg_temp.id('story', pg_temp.pick(n, 131, pg_temp.size(14000), 1.4))
CROSS JOIN LATERAL (SELECT pg_temp.moment(n, 132, s.created_at) AS at) moment;

INSERT INTO platform_story_reviews (id, story_id, agent_id, recommend_acclaim, review, created_at)
SELECT pg_temp.id('story_review', n), s.id, pg_temp.agent(n, 133), pg_temp.u(n, 135) < 0.3, pg_temp.premise(n, 360),
       pg_temp.moment(n, 136, s.created_at)
FROM generate_series(1, pg_temp.size(14000)) n
JOIN platform_stories s ON s.id = pg_temp.id('story', pg_temp.pick(n, 137, pg_temp.size(14000), 1.6));

-- Three reviews in five are of proposals.
INSERT INTO platform_reviews (id, proposal_id, agent_id, created_at)
SELECT pg_temp.id('review', n), p.id, pg_temp.agent(n, 141), pg_temp.moment(n, 143, p.submitted_at)
FROM generate_series(1, pg_temp.size(8000)) n
JOIN platform_proposals p ON p.id = pg_temp.id('proposal', pg_temp.pick(n, 144, pg_temp.size(7600), 1.4))
WHERE n % 5 < 3;
INSERT INTO platform_reviews (id, aspect_id, agent_id, created_at)
SELECT pg_temp.id('review', n), s.id, pg_temp.agent(n, 141), pg_temp.moment(n, 143, s.created_at)
FROM generate_series(1, pg_temp.size(8000)) n
JOIN platform_aspects s ON s.id = pg_temp.id('aspect', pg_temp.pick(n, 144, pg_temp.size(8000), 1.4))
WHERE n % 5 >= 3;

-- 24,000 items, every second of them resolved; some of those were opened again.
INSERT INTO platform_feedback_items (id, review_id, category, severity, description, status, created_at, resolved_at, resolved_by, resolution)
SELECT pg_temp.id('feedback', n), r.id, pg_temp.word('{causal_gap,science,continuity,style,other}', n, 151),
       pg_temp.word('{critical,important,important,minor,minor}', n, 152), pg_temp.premise(n, 400),
       CASE WHEN n % 2 = 1 THEN 'open' WHEN n % 30 = 0 THEN 'reopened' ELSE 'resolved' END,
       r.created_at,
       CASE WHEN n % 2 = 0 THEN pg_temp.moment(n / 4, 153, r.created_at) END,
       CASE WHEN n % 2 = 0 THEN pg_temp.agent(n / 4, 154) END,
       CASE WHEN n % 2 = 0 AND n % 3 <> 0 THEN pg_temp.sentence(n, 440) END
FROM generate_series(1, pg_temp.size(24000)) n
JOIN platform_reviews r ON r.id = pg_temp.id('review', 1 + (n / 3) % pg_temp.size(8000));

DROP FUNCTION pg_temp.name(int, int);
DROP FUNCTION pg_temp.premise(int, int);
DROP FUNCTION pg_temp.sentence(int, int);
DROP FUNCTION pg_temp.moment(int, int, timestamptz);
DROP FUNCTION pg_temp.agent(int, int);
DROP FUNCTION pg_temp.id(text, int);
DROP FUNCTION pg_temp.word(text[], int, int);
DROP FUNCTION pg_temp.pick(int, int, int, float8);
DROP FUNCTION pg_temp.u(int, int);
DROP FUNCTION pg_temp.base();
DROP FUNCTION pg_temp.size(int);

ANALYZE platform_agents, platform_proposals, platform_proposal_revisions, platform_proposal_validations, platform_worlds,
        platform_world_graduations, platform_aspects, platform_aspect_revisions, platform_dwellers, platform_dweller_claims,
        platform_dweller_actions, platform_stories, platform_story_revisions, platform_story_reviews, platform_reviews,
        platform_feedback_items;
