CREATE MATERIALIZED VIEW feed AS
SELECT p.id, p.title, p.score, u.name, u.verified,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) AS ups,
    (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND NOT v.up) AS downs,
    (SELECT sum(v.weight) FROM votes v WHERE v.project_id = p.id) AS weight,
    (SELECT avg(v.weight) FROM votes v WHERE v.project_id = p.id AND v.up) AS mean_weight,
    (SELECT count(*) FROM comments c WHERE c.project_id = p.id) * 2 + p.score AS heat
FROM projects p JOIN users u ON u.id = p.user_id
WHERE NOT p.deleted;
CREATE UNIQUE INDEX ON feed (id);

CREATE MATERIALIZED VIEW maybe_owner AS
SELECT p.id, p.title, coalesce(u.name, 'nobody') AS owner, m.name AS mentor
FROM projects p LEFT JOIN users u ON u.id = p.user_id LEFT JOIN users m ON m.id = u.mentor_id;

CREATE MATERIALIZED VIEW per_project AS
SELECT v.project_id, count(*) AS n, sum(v.weight) AS weight, min(v.weight) AS low, max(v.weight) AS high,
    count(*) FILTER (WHERE v.up) AS ups, bool_and(v.up) AS all_up, count(v.user_id) AS known, count(DISTINCT v.user_id) AS voters
FROM votes v GROUP BY v.project_id;

CREATE MATERIALIZED VIEW per_category AS
SELECT p.category, count(*) AS n, avg(p.score) AS score, string_agg(p.title, ', ' ORDER BY p.id) AS titles
FROM projects p WHERE NOT p.deleted GROUP BY p.category HAVING count(*) > 1;

CREATE MATERIALIZED VIEW per_user AS
SELECT u.id, u.name, count(p.id) AS projects, count(DISTINCT p.category) AS categories
FROM users u LEFT JOIN projects p ON p.user_id = u.id GROUP BY u.id, u.name;

CREATE MATERIALIZED VIEW received AS
SELECT u.id, (SELECT count(*) FROM votes v JOIN projects p ON p.id = v.project_id WHERE p.user_id = u.id AND v.up) AS votes,
    (SELECT count(*) FROM comments c JOIN projects p ON p.id = c.project_id WHERE p.user_id = u.id AND c.user_id <> u.id) AS comments
FROM users u;

CREATE MATERIALIZED VIEW activity AS
SELECT 'vote' AS kind, v.id, v.user_id, p.title FROM votes v JOIN projects p ON p.id = v.project_id
UNION ALL
SELECT 'comment', c.id, c.user_id, p.title FROM comments c JOIN projects p ON p.id = c.project_id;

CREATE MATERIALIZED VIEW voter_categories AS
SELECT DISTINCT v.user_id, v.up FROM votes v;

CREATE MATERIALIZED VIEW top_comment AS
SELECT p.id, last.id AS comment_id, last.body
FROM projects p LEFT JOIN LATERAL (SELECT c.id, c.body FROM comments c WHERE c.project_id = p.id ORDER BY c.id DESC LIMIT 1) last ON true;

CREATE MATERIALIZED VIEW first_voter AS
SELECT DISTINCT ON (v.project_id) v.project_id, v.user_id, v.weight FROM votes v ORDER BY v.project_id, v.weight DESC NULLS LAST, v.id;

CREATE MATERIALIZED VIEW voted_and_quiet AS
SELECT p.id, p.title FROM projects p
WHERE EXISTS (SELECT FROM votes v WHERE v.project_id = p.id AND v.up)
  AND NOT EXISTS (SELECT FROM comments c WHERE c.project_id = p.id);

CREATE MATERIALIZED VIEW commenters AS
SELECT u.id, u.name FROM users u
WHERE u.id IN (SELECT c.user_id FROM comments c) AND NOT coalesce(u.verified, false);

CREATE MATERIALIZED VIEW threads AS
SELECT c.id, c.body, (SELECT json_agg(json_build_object('id', r.id, 'by', u.name) ORDER BY r.id)
    FROM comments r LEFT JOIN users u ON u.id = r.user_id WHERE r.parent_id = c.id) AS replies
FROM comments c WHERE c.parent_id IS NULL;

CREATE MATERIALIZED VIEW places AS
SELECT p.category, p.id, rank() OVER (PARTITION BY p.category ORDER BY p.score DESC) AS place,
    lag(p.title) OVER (PARTITION BY p.category ORDER BY p.score, p.id) AS below
FROM projects p;

CREATE MATERIALIZED VIEW best AS
SELECT p.id, p.title, p.score, row_number() OVER (ORDER BY p.score DESC, p.id) AS place
FROM projects p WHERE NOT p.deleted ORDER BY place LIMIT 5;

CREATE MATERIALIZED VIEW totals AS
SELECT count(*) AS votes, count(*) FILTER (WHERE up) AS ups, max(weight) AS heaviest FROM votes;

CREATE MATERIALIZED VIEW titles AS SELECT p.title, p.category FROM projects p;
