-- Chains: discovery, and the posts of a chain's forum. Document 003's mv_chains_discovery and mv_chain_posts.

-- Choices:
--   Public discovery lists public chains only; 003 listed private ones. is_public stays as a column and is always TRUE.
--   post_count and the posts of the last 7 days leave soft-deleted posts out. The 7 days end on time: 003's view kept an
--   old post until somebody wrote something.
--   project_count counts the chain's links, as in 003; a soft-deleted project keeps its place until it is taken out.
--   No ORDER BY at the end, here and below, as in the feed.

-- headwater: eventual
CREATE MATERIALIZED VIEW mv_chains_discovery AS
SELECT
    c.id,
    c.name,
    c.description,
    c.image_url,
    c.category,
    c.is_public,
    c.is_featured,
    c.created_at,

    -- Creator info
    c.creator_id,
    u.username AS creator_username,
    u.profile_image AS creator_profile_image,

    -- Metrics (pre-computed)
    (SELECT count(*) FROM chain_followers f WHERE f.chain_id = c.id) AS follower_count,
    (SELECT count(*) FROM chain_projects cp WHERE cp.chain_id = c.id) AS project_count,
    (SELECT count(*) FROM chain_posts po WHERE po.chain_id = c.id AND NOT po.is_deleted) AS post_count,

    -- Trending score
    (
        (SELECT count(*) FROM chain_followers f WHERE f.chain_id = c.id) * 0.3 +
        (SELECT count(*) FROM chain_projects cp WHERE cp.chain_id = c.id) * 0.6 +
        (SELECT count(*) FROM chain_posts po
         WHERE po.chain_id = c.id AND NOT po.is_deleted AND po.created_at > CURRENT_TIMESTAMP - INTERVAL '7 days') * 0.1
    ) AS trending_score,

    -- User-specific (filled at query time)
    FALSE AS user_is_following
FROM chains c
JOIN users u ON c.creator_id = u.id
WHERE c.is_active = TRUE AND c.is_public = TRUE;

CREATE UNIQUE INDEX idx_mv_chains_id ON mv_chains_discovery (id);
CREATE INDEX idx_mv_chains_trending ON mv_chains_discovery (trending_score DESC);
CREATE INDEX idx_mv_chains_followers ON mv_chains_discovery (follower_count DESC);
CREATE INDEX idx_mv_chains_category ON mv_chains_discovery (category, trending_score DESC);
CREATE INDEX idx_mv_chains_featured ON mv_chains_discovery (is_featured, trending_score DESC) WHERE is_featured = TRUE;

-- Choices: votes count +1.5 and -1.5, as in the feed; soft-deleted comments do not count. Posts of public, active chains
-- only: everybody may read them. Members read those of private chains in my_chain_posts.

-- headwater: eventual
CREATE MATERIALIZED VIEW mv_chain_posts AS
SELECT
    cp.id,
    cp.chain_id,
    cp.title,
    cp.content,
    cp.post_type,
    cp.created_at,
    cp.updated_at,
    cp.is_pinned,

    -- Author info
    cp.author_id,
    u.username AS author_username,
    u.profile_image AS author_profile_image,
    u.is_verified AS author_is_verified,

    -- Engagement metrics
    (SELECT count(*) FROM chain_post_votes v WHERE v.post_id = cp.id AND v.is_upvote) AS upvote_count,
    (SELECT count(*) FROM chain_post_comments co WHERE co.post_id = cp.id AND NOT co.is_deleted) AS comment_count,

    -- Trending score
    (
        ((SELECT count(*) FROM chain_post_votes v WHERE v.post_id = cp.id AND v.is_upvote) -
         (SELECT count(*) FROM chain_post_votes v WHERE v.post_id = cp.id AND NOT v.is_upvote)) * 1.5 +
        (SELECT count(*) FROM chain_post_comments co WHERE co.post_id = cp.id AND NOT co.is_deleted) * 2 +
        EXTRACT(EPOCH FROM (CURRENT_TIMESTAMP - cp.created_at)) / 3600 * -0.1
    ) AS trending_score,

    -- The same without its age term, as in the feed
    (
        ((SELECT count(*) FROM chain_post_votes v WHERE v.post_id = cp.id AND v.is_upvote) -
         (SELECT count(*) FROM chain_post_votes v WHERE v.post_id = cp.id AND NOT v.is_upvote)) * 1.5 +
        (SELECT count(*) FROM chain_post_comments co WHERE co.post_id = cp.id AND NOT co.is_deleted) * 2 +
        EXTRACT(EPOCH FROM cp.created_at) / 36000
    ) AS heat
FROM chain_posts cp
JOIN users u ON cp.author_id = u.id
JOIN chains c ON cp.chain_id = c.id
WHERE cp.is_deleted = FALSE AND c.is_public = TRUE AND c.is_active = TRUE;

CREATE UNIQUE INDEX idx_mv_chain_posts_id ON mv_chain_posts (id);
CREATE INDEX idx_mv_chain_posts_chain ON mv_chain_posts (chain_id, is_pinned DESC, heat DESC, id DESC);
CREATE INDEX idx_mv_chain_posts_trending ON mv_chain_posts (chain_id, heat DESC, id DESC);
CREATE INDEX idx_mv_chain_posts_created ON mv_chain_posts (chain_id, created_at DESC);
