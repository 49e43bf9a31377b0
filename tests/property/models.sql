-- Constructs that the showcase's models have none of, each as small as it can be.

-- No key: equal rows many times.
CREATE MATERIALIZED VIEW pt_bag AS SELECT p.category, v.is_upvote FROM upvotes v JOIN projects p ON p.id = v.project_id;

-- No key anywhere.
CREATE MATERIALIZED VIEW pt_tags AS SELECT t.project_id, t.tag FROM tags t WHERE t.tag <> '';

CREATE MATERIALIZED VIEW pt_tagged AS
SELECT p.id, p.title, t.tag FROM projects p LEFT JOIN tags t ON t.project_id = p.id WHERE NOT p.is_deleted;

CREATE MATERIALIZED VIEW pt_distinct AS SELECT DISTINCT p.user_id, p.category FROM projects p;

-- The key comes from two tables.
CREATE MATERIALIZED VIEW pt_voter_kinds AS SELECT DISTINCT v.project_id, u.is_verified FROM upvotes v JOIN users u ON u.id = v.user_id;

CREATE MATERIALIZED VIEW pt_two_table_groups AS
SELECT p.category, u.is_verified, count(*) AS n, sum(p.proof_score) AS score
FROM projects p JOIN users u ON u.id = p.user_id GROUP BY p.category, u.is_verified;

CREATE MATERIALIZED VIEW pt_distinct_on AS
SELECT DISTINCT ON (c.project_id) c.project_id, c.id, c.content, c.created_at
FROM comments c WHERE NOT c.is_deleted ORDER BY c.project_id, c.created_at DESC;

CREATE MATERIALIZED VIEW pt_union AS
SELECT 'project' AS kind, p.id, u.username AS label FROM projects p JOIN users u ON u.id = p.user_id
UNION ALL
SELECT 'comment', c.id, c.content FROM comments c WHERE NOT c.is_deleted
UNION ALL
SELECT 'chain', c.id, p.title FROM chains c JOIN chain_projects cp ON cp.chain_id = c.id JOIN projects p ON p.id = cp.project_id;

CREATE MATERIALIZED VIEW pt_union_distinct AS SELECT user_id FROM projects UNION SELECT creator_id FROM chains;

CREATE MATERIALIZED VIEW pt_totals AS
SELECT count(*) AS comments, count(*) FILTER (WHERE is_deleted) AS deleted, max(created_at) AS last_at FROM comments;

CREATE MATERIALIZED VIEW pt_threads AS
SELECT c.id, c.content, parent.content AS reply_to, u.username AS parent_author,
    (SELECT count(*) FROM comments reply WHERE reply.parent_id = c.id) AS replies
FROM comments c LEFT JOIN comments parent ON parent.id = c.parent_id LEFT JOIN users u ON u.id = parent.user_id;
CREATE UNIQUE INDEX ON pt_threads (id);

CREATE MATERIALIZED VIEW pt_silent AS
SELECT u.id, u.username FROM users u
WHERE NOT EXISTS (SELECT FROM comments c WHERE c.user_id = u.id) AND u.id NOT IN (SELECT p.user_id FROM projects p);

CREATE MATERIALIZED VIEW pt_voters AS
SELECT u.id, u.username FROM users u WHERE u.id IN (SELECT v.user_id FROM upvotes v JOIN projects p ON p.id = v.project_id WHERE NOT p.is_deleted);

CREATE MATERIALIZED VIEW pt_having AS
SELECT p.user_id, count(*) AS votes, count(*) FILTER (WHERE v.is_upvote) AS ups, string_agg(DISTINCT p.category, ',' ORDER BY p.category) AS categories
FROM upvotes v JOIN projects p ON p.id = v.project_id GROUP BY p.user_id HAVING count(*) > 1;

-- Arithmetic on groups that come and go; the group may be NULL.
CREATE MATERIALIZED VIEW pt_categories AS
SELECT p.category, count(*) AS n, count(p.description) AS described, count(*) FILTER (WHERE p.is_deleted) AS deleted,
    sum(p.proof_score) AS score, avg(p.proof_score) AS mean, min(p.created_at) AS first_at, max(p.proof_score) AS best
FROM projects p GROUP BY p.category;

-- One row of messages, two rows of users.
CREATE MATERIALIZED VIEW pt_mail AS
SELECT u.id, (SELECT count(*) FROM direct_messages m WHERE m.sender_id = u.id) AS sent,
    (SELECT count(*) FROM direct_messages m WHERE m.recipient_id = u.id AND NOT m.is_read) AS unread,
    (SELECT max(m.created_at) FROM direct_messages m WHERE m.recipient_id = u.id) AS last_at
FROM users u;
CREATE UNIQUE INDEX ON pt_mail (id);

CREATE MATERIALIZED VIEW pt_activity AS
SELECT a.user_id, a.kind, count(*) AS n, max(a.at) AS last_at, bool_or(a.flag) AS any_flag, (array_agg(a.label ORDER BY a.at DESC, a.id DESC))[1] AS latest
FROM (
    SELECT user_id, 'comment' AS kind, id, created_at AS at, is_deleted AS flag, content AS label FROM comments
    UNION ALL
    SELECT user_id, 'vote', id, created_at, NOT is_upvote, NULL FROM upvotes
    UNION ALL
    SELECT creator_id, 'chain', id, created_at, is_featured, name FROM chains WHERE is_public
) a
GROUP BY a.user_id, a.kind;
CREATE UNIQUE INDEX ON pt_activity (user_id, kind);

-- The finish: rank and LIMIT with ties, linear decay.
CREATE MATERIALIZED VIEW pt_top AS
SELECT p.id, p.title, p.proof_score, row_number() OVER (ORDER BY p.proof_score DESC) AS place FROM projects p ORDER BY p.proof_score DESC LIMIT 3;
CREATE UNIQUE INDEX ON pt_top (id);

CREATE MATERIALIZED VIEW pt_hot AS
SELECT c.id, c.name, (SELECT count(*) FROM chain_followers f WHERE f.chain_id = c.id) * 2 + extract(epoch FROM now() - c.created_at) / 3600 * -0.5 AS heat
FROM chains c WHERE c.is_active ORDER BY heat DESC LIMIT 4;
CREATE UNIQUE INDEX ON pt_hot (id);

-- Time windows: of the own row, in a sub-select, in FILTER.
CREATE MATERIALIZED VIEW pt_fresh AS
SELECT n.id, n.user_id, n.title, a.username FROM notifications n LEFT JOIN users a ON a.id = n.actor_id WHERE n.created_at > now() - interval '7 days';
CREATE UNIQUE INDEX ON pt_fresh (id);

CREATE MATERIALIZED VIEW pt_weekly AS
SELECT p.id, (SELECT count(*) FROM comments c WHERE c.project_id = p.id AND c.created_at > now() - interval '7 days') AS week FROM projects p;
CREATE UNIQUE INDEX ON pt_weekly (id);

CREATE MATERIALIZED VIEW pt_daily AS
SELECT v.user_id, count(*) AS votes, count(*) FILTER (WHERE v.created_at > now() - interval '24 hours') AS today FROM upvotes v GROUP BY v.user_id;

-- Ties that the server would settle as it likes.
CREATE MATERIALIZED VIEW pt_arrays AS
SELECT p.id, (SELECT json_agg(c.content) FROM comments c WHERE c.project_id = p.id) AS contents,
    (SELECT array_agg(v.is_upvote ORDER BY v.created_at) FROM upvotes v WHERE v.project_id = p.id) AS votes, last.content AS last
FROM projects p
LEFT JOIN LATERAL (SELECT c.content FROM comments c WHERE c.project_id = p.id ORDER BY c.created_at DESC LIMIT 1) last ON true;
CREATE UNIQUE INDEX ON pt_arrays (id);

CREATE MATERIALIZED VIEW pt_best_projects AS
SELECT u.id, best.title, best.votes
FROM users u
LEFT JOIN LATERAL (
    SELECT p.title, (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id) AS votes
    FROM projects p WHERE p.user_id = u.id ORDER BY 2 DESC, p.id LIMIT 1
) best ON true;
CREATE UNIQUE INDEX ON pt_best_projects (id);

CREATE MATERIALIZED VIEW pt_cte AS
WITH tally AS (SELECT p.user_id, count(*) AS n FROM projects p JOIN upvotes v ON v.project_id = p.id GROUP BY p.user_id)
SELECT u.id, coalesce(own.n, 0) AS votes, EXISTS (SELECT FROM tally t WHERE t.user_id = u.id AND t.n > 2) AS popular
FROM users u LEFT JOIN tally own ON own.user_id = u.id;
CREATE UNIQUE INDEX ON pt_cte (id);

CREATE MATERIALIZED VIEW pt_views AS SELECT t.id, t.title, t.votes, u.username FROM project_tallies t JOIN users u ON u.id = t.user_id;

CREATE MATERIALIZED VIEW pt_three_hops AS
SELECT v.id, c.name, u.username AS owner FROM chain_post_votes v
JOIN chain_posts po ON po.id = v.post_id JOIN chains c ON c.id = po.chain_id JOIN users u ON u.id = c.creator_id WHERE NOT po.is_deleted;

-- Floats are recomputed; NaN and -0 are values like others.
CREATE MATERIALIZED VIEW pt_measures AS
SELECT m.kind, m.user_id, count(*) AS n, sum(m.value) AS total, sum(m.amount) AS amount, max(m.value) AS most, min(m.amount) AS least
FROM measures m GROUP BY m.kind, m.user_id;

CREATE MATERIALIZED VIEW "Pt ""Quoted"" Näme" AS
SELECT u.id AS "Id", u.username AS "select", (SELECT sum(m.amount) FROM measures m WHERE m.user_id = u.id) AS "the 'Sum'" FROM users u;
CREATE UNIQUE INDEX ON "Pt ""Quoted"" Näme" ("Id");

-- Several outer joins in a row, without a key.
CREATE MATERIALIZED VIEW pt_chained AS
SELECT t.tag, p.title, u.username FROM tags t LEFT JOIN projects p ON p.id = t.project_id LEFT JOIN users u ON u.id = p.user_id;

CREATE MATERIALIZED VIEW pt_intro_owners AS
SELECT u.username, i.status, count(*) AS n FROM intro_requests i LEFT JOIN projects p ON p.id = i.project_id LEFT JOIN users u ON u.id = p.user_id
GROUP BY u.username, i.status;

-- A sub-select in a sub-select.
CREATE MATERIALIZED VIEW pt_nested AS
SELECT u.id, (SELECT sum((SELECT count(*) FROM upvotes v WHERE v.project_id = p.id)) FROM projects p WHERE p.user_id = u.id) AS votes FROM users u;

CREATE MATERIALIZED VIEW pt_busy_chains AS
SELECT c.chain_id, count(*) AS posts, count(*) FILTER (WHERE c.is_pinned) AS pinned FROM chain_posts c GROUP BY c.chain_id HAVING count(*) FILTER (WHERE NOT c.is_deleted) > 1;

CREATE MATERIALIZED VIEW pt_far_groups AS
SELECT c.category, count(*) AS votes, count(DISTINCT v.user_id) AS voters FROM chain_post_votes v JOIN chain_posts p ON p.id = v.post_id JOIN chains c ON c.id = p.chain_id GROUP BY c.category;

-- Many to many, on a column that may be NULL; the same table twice.
CREATE MATERIALIZED VIEW pt_same_category AS SELECT p.id, c.id AS chain_id, p.title, c.name FROM projects p JOIN chains c ON c.category = p.category;

CREATE MATERIALIZED VIEW pt_pairs AS
SELECT a.id AS a, b.id AS b, a.title || b.title AS titles FROM projects a JOIN projects b ON b.user_id = a.user_id AND a.id < b.id;

CREATE MATERIALIZED VIEW pt_firsts AS
SELECT p.user_id, (array_agg(p.title ORDER BY p.created_at, p.id))[1] AS first_title, min(p.title) AS least, max(p.category) AS greatest, bool_and(p.is_featured) AS all_featured
FROM projects p GROUP BY p.user_id;

CREATE MATERIALIZED VIEW pt_laterals AS
SELECT p.id, v.n, v.ups, c.n AS comments, c.last_at
FROM projects p
LEFT JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE v.is_upvote) AS ups FROM upvotes v WHERE v.project_id = p.id) v ON true
LEFT JOIN LATERAL (SELECT count(*) AS n, max(c.created_at) AS last_at FROM comments c WHERE c.project_id = p.id AND NOT c.is_deleted) c ON true;
CREATE UNIQUE INDEX ON pt_laterals (id);

CREATE MATERIALIZED VIEW pt_except AS SELECT user_id FROM projects EXCEPT SELECT creator_id FROM chains;

CREATE MATERIALIZED VIEW pt_intersect AS SELECT user_id FROM projects INTERSECT SELECT user_id FROM comments;

CREATE MATERIALIZED VIEW pt_row_in AS
SELECT n.id, n.title FROM notifications n WHERE (n.user_id, n.actor_id) IN (SELECT m.recipient_id, m.sender_id FROM direct_messages m);

CREATE MATERIALIZED VIEW pt_objects AS
SELECT c.chain_id, jsonb_object_agg(p.title, p.proof_score) AS scores, jsonb_agg(DISTINCT p.category) AS categories
FROM chain_projects c JOIN projects p ON p.id = c.project_id GROUP BY c.chain_id;

CREATE MATERIALIZED VIEW pt_coalesced AS
SELECT coalesce(p.category, 'none') AS category, date_trunc('day', v.created_at) AS day, count(*) AS n
FROM upvotes v JOIN projects p ON p.id = v.project_id GROUP BY 1, 2;

CREATE MATERIALIZED VIEW pt_top_two AS
SELECT u.id, t.id AS project_id, t.title
FROM users u CROSS JOIN LATERAL (SELECT p.id, p.title FROM projects p WHERE p.user_id = u.id ORDER BY p.proof_score DESC, p.id LIMIT 2) t;

CREATE MATERIALIZED VIEW pt_two_levels AS
SELECT s.user_id, count(*) AS chatty, sum(s.n) AS n FROM (SELECT c.user_id, c.project_id, count(*) AS n FROM comments c GROUP BY c.user_id, c.project_id HAVING count(*) > 1) s GROUP BY s.user_id;

CREATE MATERIALIZED VIEW pt_anti AS
SELECT c.id, c.name FROM chains c LEFT JOIN chain_followers f ON f.chain_id = c.id WHERE f.id IS NULL;

CREATE MATERIALIZED VIEW pt_group_of_windows AS
SELECT n.user_id, n.type, count(*) AS n FROM notifications n WHERE n.created_at > now() - interval '7 days' GROUP BY n.user_id, n.type;

CREATE MATERIALIZED VIEW pt_array AS SELECT u.id, ARRAY(SELECT p.title FROM projects p WHERE p.user_id = u.id ORDER BY p.title) AS titles FROM users u;

CREATE MATERIALIZED VIEW pt_any AS SELECT p.id FROM projects p WHERE p.user_id = ANY (SELECT f.user_id FROM chain_followers f WHERE f.chain_id = (SELECT c.id FROM chains c WHERE c.creator_id = p.user_id ORDER BY c.id LIMIT 1));

CREATE MATERIALIZED VIEW pt_one_row_joined AS SELECT count(*) AS n, count(DISTINCT u.id) AS users, sum(p.proof_score) AS score FROM projects p JOIN users u ON u.id = p.user_id WHERE u.is_verified;

CREATE MATERIALIZED VIEW pt_distinct_joined AS SELECT DISTINCT u.username, p.category FROM projects p LEFT JOIN users u ON u.id = p.user_id AND u.is_verified;

CREATE MATERIALIZED VIEW pt_distinct_on_joined AS
SELECT DISTINCT ON (p.user_id) p.user_id, c.content, u.username FROM comments c JOIN projects p ON p.id = c.project_id JOIN users u ON u.id = c.user_id ORDER BY p.user_id, c.created_at DESC, c.id;

-- Set-returning functions, ordered-set aggregates, windows over groups, whole rows, more set operations.
CREATE MATERIALIZED VIEW pt_distinct_words AS
SELECT DISTINCT unnest(ARRAY[p.title, p.category]) AS word FROM projects p;

CREATE MATERIALIZED VIEW pt_counted AS
SELECT u.id, (SELECT count(*) FROM (SELECT unnest(ARRAY[p.title, p.category]) AS w FROM projects p WHERE p.user_id = u.id) x WHERE x.w <> '') AS n FROM users u;

CREATE MATERIALIZED VIEW pt_sample AS
SELECT p.user_id, mode() WITHIN GROUP (ORDER BY p.category) AS m, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.proof_score) AS med, rank(3) WITHIN GROUP (ORDER BY p.proof_score) AS r FROM projects p GROUP BY p.user_id;

CREATE MATERIALIZED VIEW pt_whole AS
SELECT p.id, t.* FROM projects p LEFT JOIN tags t ON t.project_id = p.id;

CREATE MATERIALIZED VIEW pt_rowjson AS
SELECT u.id, (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.id) FROM projects p WHERE p.user_id = u.id) AS ps, row_to_json(u) AS me FROM users u;

CREATE MATERIALIZED VIEW pt_limit_top AS
SELECT c.id, c.content FROM comments c JOIN users u ON u.id = c.user_id WHERE u.is_active ORDER BY u.username DESC, c.created_at LIMIT 5 OFFSET 1;

CREATE MATERIALIZED VIEW pt_lag AS
SELECT c.id, c.project_id, lag(c.content) OVER (PARTITION BY c.project_id ORDER BY c.created_at, c.id) AS before FROM comments c;

CREATE MATERIALIZED VIEW pt_bool AS
SELECT p.id, (p.user_id IN (SELECT f.user_id FROM chain_followers f)) AS follows, NOT EXISTS (SELECT FROM upvotes v WHERE v.project_id = p.id AND v.user_id = p.user_id) AS no_self_vote FROM projects p;

CREATE MATERIALIZED VIEW pt_using AS
SELECT user_id, count(*) AS n FROM comments JOIN upvotes USING (user_id) GROUP BY user_id;

CREATE MATERIALIZED VIEW pt_right AS
SELECT u.username, p.title FROM projects p RIGHT JOIN users u ON u.id = p.user_id AND NOT p.is_deleted;

CREATE MATERIALIZED VIEW pt_join_groups AS
SELECT a.user_id, a.n, b.m FROM (SELECT user_id, count(*) AS n FROM projects GROUP BY user_id) a LEFT JOIN (SELECT creator_id, count(*) AS m FROM chains GROUP BY creator_id) b ON b.creator_id = a.user_id;

CREATE MATERIALIZED VIEW pt_ids AS
SELECT p.id FROM projects p WHERE p.id = ANY (ARRAY(SELECT v.project_id FROM upvotes v WHERE v.user_id = p.user_id));

CREATE MATERIALIZED VIEW pt_case_key AS
SELECT CASE WHEN p.is_deleted THEN NULL ELSE p.user_id END AS owner, count(*) AS n, sum(p.proof_score) AS s FROM projects p GROUP BY 1;

CREATE MATERIALIZED VIEW pt_union_groups AS
SELECT user_id, count(*) AS n FROM projects GROUP BY user_id UNION ALL SELECT creator_id, count(*) FROM chains GROUP BY creator_id;

CREATE MATERIALIZED VIEW pt_union_same AS
SELECT user_id, title AS t FROM projects WHERE is_featured UNION ALL SELECT user_id, title FROM projects WHERE NOT is_deleted;


CREATE MATERIALIZED VIEW pt_words AS SELECT p.id, regexp_split_to_table(p.title, '[ "]') AS word FROM projects p;

CREATE MATERIALIZED VIEW pt_series AS
SELECT p.category, generate_series(1, p.proof_score) AS n, count(*) AS c FROM projects p GROUP BY p.category, p.proof_score;

CREATE MATERIALIZED VIEW pt_agg_window AS
SELECT p.user_id, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM projects p GROUP BY p.user_id;

-- An event log that follows its SELECT: rows go with their sources, some columns follow them.
-- headwater: retain append follow user_id, author
CREATE MATERIALIZED VIEW pt_followed AS
SELECT 'comment' AS kind, c.id, c.user_id, u.username AS author, c.content AS text FROM comments c LEFT JOIN users u ON u.id = c.user_id WHERE NOT c.is_deleted
UNION ALL
SELECT 'project', p.id, p.user_id, u.username, p.title FROM projects p LEFT JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON pt_followed (kind, id);

-- Sides: tables that nothing ties to the group. Sums, averages and counts are scaled, and a side without rows stands for a row of NULLs, or leaves no group.
CREATE MATERIALIZED VIEW pt_side_left AS
SELECT p.category, count(*) AS n, count(v.id) AS votes, sum(p.proof_score) AS score, avg(p.proof_score) AS mean, count(DISTINCT u.id) AS verified,
    min(u.username) AS first_name, count(u.bio) AS bios, max(p.created_at) AS last_at
FROM projects p LEFT JOIN users u ON u.is_verified LEFT JOIN upvotes v ON v.project_id = p.id AND v.is_upvote
GROUP BY p.category;

CREATE MATERIALIZED VIEW pt_side_cross AS
SELECT p.user_id, count(*) AS n, avg(p.proof_score) AS mean, sum(m.amount) AS amount, count(m.value) AS valued
FROM projects p CROSS JOIN measures m WHERE m.kind = 'a' AND NOT p.is_deleted
GROUP BY p.user_id;

CREATE MATERIALIZED VIEW pt_sides AS
SELECT c.id, c.name, count(*) AS n, count(DISTINCT u.username) AS names, sum(p.proof_score) AS score, avg(p.proof_score) AS mean, count(t.tag) AS tags
FROM chains c JOIN users u ON u.is_verified LEFT JOIN projects p ON p.proof_score > 0 LEFT JOIN tags t ON t.tag <> ''
GROUP BY c.id, c.name;
