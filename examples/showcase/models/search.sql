-- Search over projects, users and chains: document 003's mv_search_index.
--
-- Choices:
--   * A UNIQUE index, without which 003's index could never be refreshed and every write to projects, users and chains failed.
--   * A user's relevance counts the projects that are not deleted (003: all).
--   * The words of a name weigh more than those of a description, and these more than the creator's name.
--   * name_words holds the name's words as they are written: by them a user called 'the' is found, a stop word of search_vector, and the
--     beginnings of words. idx_search_name finds names by their beginnings, idx_search_name_trgm those that are written wrongly. The latter
--     needs the extension pg_trgm, which schema.sql creates where the server has it.
--   * idx_search_relevance, and idx_search_type within one type, find the most relevant rows, which are looked through where a word is in
--     too many. The key after the relevance decides ties.

-- headwater: eventual
CREATE MATERIALIZED VIEW mv_search_index AS
SELECT
    'project' AS result_type,
    p.id,
    p.title AS name,
    p.description,
    p.image_url,
    p.created_at,
    p.user_id,
    u.username AS creator_username,
    p.proof_score AS relevance_score,

    -- Full-text search vector
    setweight(to_tsvector('english', coalesce(p.title, '')), 'A') ||
        setweight(to_tsvector('english', coalesce(p.description, '')), 'B') ||
        setweight(to_tsvector('english', coalesce(u.username, '')), 'C') AS search_vector,
    to_tsvector('simple', coalesce(p.title, '')) AS name_words
FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE

UNION ALL

SELECT
    'user' AS result_type,
    u.id,
    u.username AS name,
    u.bio AS description,
    u.profile_image AS image_url,
    u.created_at,
    u.id AS user_id,
    u.username AS creator_username,
    (SELECT count(*) FROM projects p WHERE p.user_id = u.id AND p.is_deleted = FALSE) AS relevance_score,

    setweight(to_tsvector('english', coalesce(u.username, '')), 'A') ||
        setweight(to_tsvector('english', coalesce(u.bio, '')), 'B') AS search_vector,
    to_tsvector('simple', coalesce(u.username, '')) AS name_words
FROM users u
WHERE u.is_active = TRUE

UNION ALL

SELECT
    'chain' AS result_type,
    c.id,
    c.name,
    c.description,
    c.image_url,
    c.created_at,
    c.creator_id AS user_id,
    u.username AS creator_username,
    (SELECT count(*) FROM chain_followers f WHERE f.chain_id = c.id) AS relevance_score,

    setweight(to_tsvector('english', coalesce(c.name, '')), 'A') ||
        setweight(to_tsvector('english', coalesce(c.description, '')), 'B') AS search_vector,
    to_tsvector('simple', coalesce(c.name, '')) AS name_words
FROM chains c
JOIN users u ON c.creator_id = u.id
WHERE c.is_active = TRUE AND c.is_public = TRUE;

CREATE UNIQUE INDEX idx_search_key ON mv_search_index (result_type, id);
CREATE INDEX idx_search_vector ON mv_search_index USING GIN (search_vector);
CREATE INDEX idx_search_words ON mv_search_index USING GIN (name_words);
CREATE INDEX idx_search_type ON mv_search_index (result_type, relevance_score DESC NULLS LAST, id);
CREATE INDEX idx_search_relevance ON mv_search_index (relevance_score DESC NULLS LAST, result_type, id);
CREATE INDEX idx_search_created ON mv_search_index (created_at DESC);
CREATE INDEX idx_search_name ON mv_search_index (lower(name) text_pattern_ops);
CREATE INDEX idx_search_name_trgm ON mv_search_index USING GIN (name gin_trgm_ops);
