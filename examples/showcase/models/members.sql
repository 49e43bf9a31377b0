-- What only a chain's members see: the chains that a user follows or has made, private ones included, and the posts of private
-- chains. One row per reader, so that access is the reader's own rows, and who stops following sees them go.
--
-- The chains carry no counts: a follower more would rewrite the rows of all the others.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW my_chains AS
SELECT
    f.user_id AS member_id,
    c.id AS chain_id,
    c.name,
    c.description,
    c.image_url,
    c.category,
    c.is_public,
    c.is_featured,
    c.created_at,
    c.creator_id,
    u.username AS creator_username,
    TRUE AS is_following,
    f.created_at AS member_since
FROM chain_followers f
JOIN chains c ON c.id = f.chain_id
JOIN users u ON u.id = c.creator_id
WHERE c.is_active

UNION ALL

SELECT
    c.creator_id,
    c.id,
    c.name,
    c.description,
    c.image_url,
    c.category,
    c.is_public,
    c.is_featured,
    c.created_at,
    c.creator_id,
    u.username,
    FALSE,
    c.created_at
FROM chains c
JOIN users u ON u.id = c.creator_id
WHERE c.is_active
  AND NOT EXISTS (SELECT FROM chain_followers f WHERE f.chain_id = c.id AND f.user_id = c.creator_id);

CREATE UNIQUE INDEX my_chains_key ON my_chains (member_id, chain_id);
CREATE INDEX my_chains_newest ON my_chains (member_id, member_since DESC, chain_id DESC);

-- heat is the trending score of mv_chain_posts without the part that time moves for all posts alike: the order is the same,
-- and rows are shown as they are stored, so that they can be followed.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW my_chain_posts AS
SELECT
    f.user_id AS member_id,
    po.id,
    po.chain_id,
    po.title,
    po.content,
    po.post_type,
    po.created_at,
    po.updated_at,
    po.is_pinned,
    po.author_id,
    u.username AS author_username,
    u.profile_image AS author_profile_image,
    u.is_verified AS author_is_verified,
    (SELECT count(*) FROM chain_post_votes v WHERE v.post_id = po.id AND v.is_upvote) AS upvote_count,
    (SELECT count(*) FROM chain_post_comments co WHERE co.post_id = po.id AND NOT co.is_deleted) AS comment_count,
    ((SELECT count(*) FROM chain_post_votes v WHERE v.post_id = po.id AND v.is_upvote) -
     (SELECT count(*) FROM chain_post_votes v WHERE v.post_id = po.id AND NOT v.is_upvote)) * 1.5 +
    (SELECT count(*) FROM chain_post_comments co WHERE co.post_id = po.id AND NOT co.is_deleted) * 2 +
    EXTRACT(EPOCH FROM po.created_at) / 36000 AS heat
FROM chain_posts po
JOIN chains c ON c.id = po.chain_id
JOIN chain_followers f ON f.chain_id = po.chain_id
JOIN users u ON u.id = po.author_id
WHERE NOT po.is_deleted AND c.is_active AND NOT c.is_public

UNION ALL

SELECT
    c.creator_id,
    po.id,
    po.chain_id,
    po.title,
    po.content,
    po.post_type,
    po.created_at,
    po.updated_at,
    po.is_pinned,
    po.author_id,
    u.username,
    u.profile_image,
    u.is_verified,
    (SELECT count(*) FROM chain_post_votes v WHERE v.post_id = po.id AND v.is_upvote),
    (SELECT count(*) FROM chain_post_comments co WHERE co.post_id = po.id AND NOT co.is_deleted),
    ((SELECT count(*) FROM chain_post_votes v WHERE v.post_id = po.id AND v.is_upvote) -
     (SELECT count(*) FROM chain_post_votes v WHERE v.post_id = po.id AND NOT v.is_upvote)) * 1.5 +
    (SELECT count(*) FROM chain_post_comments co WHERE co.post_id = po.id AND NOT co.is_deleted) * 2 +
    EXTRACT(EPOCH FROM po.created_at) / 36000
FROM chain_posts po
JOIN chains c ON c.id = po.chain_id
JOIN users u ON u.id = po.author_id
WHERE NOT po.is_deleted AND c.is_active AND NOT c.is_public
  AND NOT EXISTS (SELECT FROM chain_followers f WHERE f.chain_id = c.id AND f.user_id = c.creator_id);

CREATE UNIQUE INDEX my_chain_posts_key ON my_chain_posts (member_id, id);
CREATE INDEX my_chain_posts_chain ON my_chain_posts (member_id, chain_id, is_pinned DESC, heat DESC, id DESC);
CREATE INDEX my_chain_posts_newest ON my_chain_posts (member_id, chain_id, created_at DESC, id DESC);
