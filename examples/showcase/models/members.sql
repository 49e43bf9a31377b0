-- What only a chain's members see: the chains that a user follows or has made, private ones included, and the posts of private
-- chains. One row per reader, so that access is the reader's own rows, and who stops following sees them go.
--
-- The chains carry no counts: one follower more would rewrite the rows of all the others.

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

-- Nor do the posts: a vote would rewrite the rows of all members. The page counts votes and comments when it is asked for.

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
    u.is_verified AS author_is_verified
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
    u.is_verified
FROM chain_posts po
JOIN chains c ON c.id = po.chain_id
JOIN users u ON u.id = po.author_id
WHERE NOT po.is_deleted AND c.is_active AND NOT c.is_public
  AND NOT EXISTS (SELECT FROM chain_followers f WHERE f.chain_id = c.id AND f.user_id = c.creator_id);

CREATE UNIQUE INDEX my_chain_posts_key ON my_chain_posts (member_id, id);
CREATE INDEX my_chain_posts_newest ON my_chain_posts (member_id, chain_id, created_at DESC, id DESC);
CREATE INDEX my_chain_posts_pinned ON my_chain_posts (member_id, chain_id, is_pinned DESC, created_at DESC, id DESC);
