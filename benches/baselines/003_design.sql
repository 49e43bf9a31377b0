-- The rest of document 003's design as it writes it, word for word: run after 003_messages.sql (the inbox, and My Stats with its triggers on messages)
-- and 003_refresh.sql (the feed). Here are My Stats' other triggers, the introductions' counters, and the other seven views, each with the
-- triggers that refresh it.
--
-- Two things are added, both at the end: the tables are filled from what is there, which 003 leaves out; and mv_search_index has a UNIQUE
-- index, without which no refresh of it works and every write to projects, users and chains fails.

-- Trigger 1: On project create/delete
CREATE OR REPLACE FUNCTION update_dashboard_project_stats()
RETURNS TRIGGER AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.is_deleted = FALSE THEN
        UPDATE user_dashboard_stats
        SET project_count = project_count + 1,
            active_projects = active_projects + 1,
            last_updated_at = CURRENT_TIMESTAMP
        WHERE user_id = NEW.user_id;
    ELSIF TG_OP = 'UPDATE' THEN
        IF OLD.is_deleted = FALSE AND NEW.is_deleted = TRUE THEN
            UPDATE user_dashboard_stats
            SET active_projects = active_projects - 1,
                last_updated_at = CURRENT_TIMESTAMP
            WHERE user_id = NEW.user_id;
        END IF;
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_dashboard_project_stats
AFTER INSERT OR UPDATE ON projects
FOR EACH ROW EXECUTE FUNCTION update_dashboard_project_stats();
-- Trigger 2: On badge award
CREATE OR REPLACE FUNCTION update_dashboard_badge_stats()
RETURNS TRIGGER AS $$
BEGIN
    -- Update validator stats (badges given)
    UPDATE user_dashboard_stats
    SET badges_given = badges_given + 1,
        last_updated_at = CURRENT_TIMESTAMP
    WHERE user_id = NEW.validator_id;

    -- Update project owner stats (badges received)
    UPDATE user_dashboard_stats
    SET badges_received = badges_received + 1,
        total_proof_score = (
            SELECT COALESCE(SUM(proof_score), 0)
            FROM projects
            WHERE user_id = (SELECT user_id FROM projects WHERE id = NEW.project_id)
              AND is_deleted = FALSE
        ),
        last_updated_at = CURRENT_TIMESTAMP
    WHERE user_id = (SELECT user_id FROM projects WHERE id = NEW.project_id);

    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_dashboard_badge_stats
AFTER INSERT ON validation_badges
FOR EACH ROW EXECUTE FUNCTION update_dashboard_badge_stats();
-- Trigger 4: On notification read/unread
CREATE OR REPLACE FUNCTION update_dashboard_notification_count()
RETURNS TRIGGER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE user_dashboard_stats
        SET unread_notifications = unread_notifications + 1,
            last_updated_at = CURRENT_TIMESTAMP
        WHERE user_id = NEW.user_id;
    ELSIF TG_OP = 'UPDATE' AND OLD.is_read = FALSE AND NEW.is_read = TRUE THEN
        UPDATE user_dashboard_stats
        SET unread_notifications = GREATEST(0, unread_notifications - 1),
            last_updated_at = CURRENT_TIMESTAMP
        WHERE user_id = NEW.user_id;
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_dashboard_notification_count
AFTER INSERT OR UPDATE ON notifications
FOR EACH ROW EXECUTE FUNCTION update_dashboard_notification_count();

CREATE TABLE intro_request_stats (
    user_id UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,

    -- As builder (receiving requests)
    pending_requests INT DEFAULT 0,
    approved_requests INT DEFAULT 0,
    rejected_requests INT DEFAULT 0,

    -- As investor (sending requests)
    sent_requests INT DEFAULT 0,

    last_updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_intro_stats_pending ON intro_request_stats(user_id, pending_requests) WHERE pending_requests > 0;

CREATE OR REPLACE FUNCTION update_intro_request_stats()
RETURNS TRIGGER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- Increment pending for builder
        INSERT INTO intro_request_stats (user_id, pending_requests, sent_requests)
        VALUES (NEW.builder_id, 1, 0)
        ON CONFLICT (user_id) DO UPDATE
        SET pending_requests = intro_request_stats.pending_requests + 1,
            last_updated_at = CURRENT_TIMESTAMP;

        -- Increment sent for investor
        INSERT INTO intro_request_stats (user_id, pending_requests, sent_requests)
        VALUES (NEW.investor_id, 0, 1)
        ON CONFLICT (user_id) DO UPDATE
        SET sent_requests = intro_request_stats.sent_requests + 1,
            last_updated_at = CURRENT_TIMESTAMP;

    ELSIF TG_OP = 'UPDATE' AND OLD.status != NEW.status THEN
        -- Status changed, update builder stats
        IF OLD.status = 'pending' THEN
            UPDATE intro_request_stats
            SET pending_requests = GREATEST(0, pending_requests - 1),
                approved_requests = CASE WHEN NEW.status = 'approved' THEN approved_requests + 1 ELSE approved_requests END,
                rejected_requests = CASE WHEN NEW.status = 'rejected' THEN rejected_requests + 1 ELSE rejected_requests END,
                last_updated_at = CURRENT_TIMESTAMP
            WHERE user_id = NEW.builder_id;
        END IF;
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_intro_request_stats
AFTER INSERT OR UPDATE ON intro_requests
FOR EACH ROW EXECUTE FUNCTION update_intro_request_stats();

CREATE MATERIALIZED VIEW mv_leaderboard_projects AS
SELECT
    p.id,
    p.title,
    p.image_url,
    p.proof_score,
    p.user_id,
    u.username,
    u.profile_image,

    -- Metrics
    (SELECT COUNT(*) FROM validation_badges WHERE project_id = p.id) as badge_count,
    (SELECT COUNT(*) FROM comments WHERE project_id = p.id) as comment_count,
    (SELECT COUNT(*) FROM upvotes WHERE project_id = p.id) as vote_count,

    -- Rank (computed on refresh)
    ROW_NUMBER() OVER (ORDER BY p.proof_score DESC, p.created_at ASC) as rank

FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE AND p.proof_score > 0
ORDER BY p.proof_score DESC
LIMIT 1000;
CREATE UNIQUE INDEX idx_mv_leaderboard_projects_id ON mv_leaderboard_projects(id);
CREATE INDEX idx_mv_leaderboard_projects_rank ON mv_leaderboard_projects(rank);
CREATE INDEX idx_mv_leaderboard_projects_score ON mv_leaderboard_projects(proof_score DESC);

CREATE MATERIALIZED VIEW mv_leaderboard_builders AS
SELECT
    u.id,
    u.username,
    u.profile_image,
    u.bio,
    u.is_verified,

    -- Karma (main metric)
    COALESCE(
        (SELECT SUM(p.proof_score) FROM projects p WHERE p.user_id = u.id AND p.is_deleted = FALSE),
        0
    ) as total_karma,

    -- Supporting metrics
    (SELECT COUNT(*) FROM projects WHERE user_id = u.id AND is_deleted = FALSE) as project_count,
    (SELECT COUNT(*) FROM validation_badges WHERE validator_id = u.id) as badges_given,
    (SELECT COUNT(*) FROM comments WHERE user_id = u.id) as comment_count,

    -- Rank
    ROW_NUMBER() OVER (
        ORDER BY (
            SELECT COALESCE(SUM(p.proof_score), 0)
            FROM projects p
            WHERE p.user_id = u.id AND p.is_deleted = FALSE
        ) DESC
    ) as rank

FROM users u
WHERE u.is_active = TRUE
ORDER BY total_karma DESC
LIMIT 1000;
CREATE UNIQUE INDEX idx_mv_leaderboard_builders_id ON mv_leaderboard_builders(id);
CREATE INDEX idx_mv_leaderboard_builders_rank ON mv_leaderboard_builders(rank);
CREATE INDEX idx_mv_leaderboard_builders_karma ON mv_leaderboard_builders(total_karma DESC);

-- Refresh leaderboards on badge award (affects both project and builder rankings)
CREATE OR REPLACE FUNCTION refresh_leaderboards()
RETURNS TRIGGER AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_leaderboard_projects;
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_leaderboard_builders;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_refresh_leaderboards_badge
AFTER INSERT ON validation_badges
FOR EACH STATEMENT EXECUTE FUNCTION refresh_leaderboards();
-- Refresh on project proof_score change
CREATE TRIGGER trg_refresh_leaderboards_project
AFTER UPDATE OF proof_score ON projects
FOR EACH STATEMENT EXECUTE FUNCTION refresh_leaderboards();

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
    u.username as creator_username,
    u.profile_image as creator_profile_image,

    -- Metrics (pre-computed)
    (SELECT COUNT(*) FROM chain_followers WHERE chain_id = c.id) as follower_count,
    (SELECT COUNT(*) FROM chain_projects WHERE chain_id = c.id) as project_count,
    (SELECT COUNT(*) FROM chain_posts WHERE chain_id = c.id) as post_count,

    -- Trending score
    (
        (SELECT COUNT(*) FROM chain_followers WHERE chain_id = c.id) * 0.3 +
        (SELECT COUNT(*) FROM chain_projects WHERE chain_id = c.id) * 0.6 +
        (SELECT COUNT(*) FROM chain_posts WHERE chain_id = c.id AND created_at > CURRENT_TIMESTAMP - INTERVAL '7 days') * 0.1
    ) as trending_score,

    -- User-specific (filled at query time)
    FALSE as user_is_following

FROM chains c
JOIN users u ON c.creator_id = u.id
WHERE c.is_active = TRUE
ORDER BY trending_score DESC;
CREATE UNIQUE INDEX idx_mv_chains_id ON mv_chains_discovery(id);
CREATE INDEX idx_mv_chains_trending ON mv_chains_discovery(trending_score DESC);
CREATE INDEX idx_mv_chains_followers ON mv_chains_discovery(follower_count DESC);
CREATE INDEX idx_mv_chains_category ON mv_chains_discovery(category, trending_score DESC);
CREATE INDEX idx_mv_chains_featured ON mv_chains_discovery(is_featured, trending_score DESC) WHERE is_featured = TRUE;

CREATE OR REPLACE FUNCTION refresh_chains_discovery()
RETURNS TRIGGER AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_chains_discovery;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_refresh_chains_meta
AFTER INSERT OR UPDATE ON chains
FOR EACH STATEMENT EXECUTE FUNCTION refresh_chains_discovery();
CREATE TRIGGER trg_refresh_chains_followers
AFTER INSERT OR DELETE ON chain_followers
FOR EACH STATEMENT EXECUTE FUNCTION refresh_chains_discovery();
CREATE TRIGGER trg_refresh_chains_projects
AFTER INSERT OR DELETE ON chain_projects
FOR EACH STATEMENT EXECUTE FUNCTION refresh_chains_discovery();
CREATE TRIGGER trg_refresh_chains_posts
AFTER INSERT ON chain_posts
FOR EACH STATEMENT EXECUTE FUNCTION refresh_chains_discovery();

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
    u.username as author_username,
    u.profile_image as author_profile_image,
    u.is_verified as author_is_verified,

    -- Engagement metrics
    (SELECT COUNT(*) FROM chain_post_votes WHERE post_id = cp.id AND is_upvote = TRUE) as upvote_count,
    (SELECT COUNT(*) FROM chain_post_comments WHERE post_id = cp.id) as comment_count,

    -- Trending score
    (
        (SELECT COUNT(*) FROM chain_post_votes WHERE post_id = cp.id) * 1.5 +
        (SELECT COUNT(*) FROM chain_post_comments WHERE post_id = cp.id) * 2 +
        EXTRACT(EPOCH FROM (CURRENT_TIMESTAMP - cp.created_at)) / 3600 * -0.1
    ) as trending_score

FROM chain_posts cp
JOIN users u ON cp.author_id = u.id
WHERE cp.is_deleted = FALSE
ORDER BY cp.chain_id, cp.is_pinned DESC, trending_score DESC;
CREATE UNIQUE INDEX idx_mv_chain_posts_id ON mv_chain_posts(id);
CREATE INDEX idx_mv_chain_posts_chain ON mv_chain_posts(chain_id, is_pinned DESC, trending_score DESC);
CREATE INDEX idx_mv_chain_posts_trending ON mv_chain_posts(chain_id, trending_score DESC);
CREATE INDEX idx_mv_chain_posts_created ON mv_chain_posts(chain_id, created_at DESC);

CREATE OR REPLACE FUNCTION refresh_chain_posts()
RETURNS TRIGGER AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_chain_posts;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_refresh_chain_posts_meta
AFTER INSERT OR UPDATE ON chain_posts
FOR EACH STATEMENT EXECUTE FUNCTION refresh_chain_posts();
CREATE TRIGGER trg_refresh_chain_posts_votes
AFTER INSERT OR DELETE ON chain_post_votes
FOR EACH STATEMENT EXECUTE FUNCTION refresh_chain_posts();
CREATE TRIGGER trg_refresh_chain_posts_comments
AFTER INSERT ON chain_post_comments
FOR EACH STATEMENT EXECUTE FUNCTION refresh_chain_posts();

CREATE MATERIALIZED VIEW mv_investors_directory AS
SELECT
    ir.id,
    ir.user_id,
    ir.status,
    ir.created_at,
    ir.approved_at,

    -- User info
    u.username,
    u.profile_image,
    u.bio,
    u.email,

    -- Investor details
    ir.company_name,
    ir.investment_focus,
    ir.ticket_size,
    ir.portfolio_url,
    ir.linkedin_url,

    -- Activity metrics
    (SELECT COUNT(*) FROM intro_requests WHERE investor_id = ir.user_id) as intro_requests_sent,
    (SELECT COUNT(*) FROM intro_requests WHERE investor_id = ir.user_id AND status = 'approved') as intros_approved

FROM investor_requests ir
JOIN users u ON ir.user_id = u.id
WHERE ir.status = 'approved'
ORDER BY ir.approved_at DESC;
CREATE UNIQUE INDEX idx_mv_investors_id ON mv_investors_directory(id);
CREATE INDEX idx_mv_investors_user ON mv_investors_directory(user_id);
CREATE INDEX idx_mv_investors_focus ON mv_investors_directory(investment_focus);
CREATE INDEX idx_mv_investors_approved ON mv_investors_directory(approved_at DESC);

CREATE OR REPLACE FUNCTION refresh_investors_directory()
RETURNS TRIGGER AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_investors_directory;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER trg_refresh_investors_status
AFTER UPDATE OF status ON investor_requests
FOR EACH STATEMENT EXECUTE FUNCTION refresh_investors_directory();
CREATE TRIGGER trg_refresh_investors_intro
AFTER INSERT OR UPDATE ON intro_requests
FOR EACH STATEMENT EXECUTE FUNCTION refresh_investors_directory();

CREATE MATERIALIZED VIEW mv_project_details AS
SELECT
    p.id,
    p.title,
    p.description,
    p.proof_of_work_link,
    p.image_url,
    p.category,
    p.created_at,
    p.updated_at,
    p.proof_score,

    -- Creator info
    p.user_id,
    u.username,
    u.profile_image,
    u.bio as creator_bio,
    u.is_verified,

    -- Engagement metrics (pre-computed)
    (SELECT COUNT(*) FROM comments WHERE project_id = p.id AND parent_id IS NULL) as comment_count,
    (SELECT COUNT(*) FROM upvotes WHERE project_id = p.id) as vote_count,
    (SELECT COUNT(*) FROM validation_badges WHERE project_id = p.id) as badge_count,

    -- Badges (JSON array for fast access)
    (
        SELECT JSON_AGG(
            JSON_BUILD_OBJECT(
                'id', vb.id,
                'badge_type', vb.badge_type,
                'validator_id', vb.validator_id,
                'validator_username', v.username,
                'created_at', vb.created_at
            )
        )
        FROM validation_badges vb
        JOIN users v ON vb.validator_id = v.id
        WHERE vb.project_id = p.id
    ) as badges_json,

    -- Chains this project is in (JSON array)
    (
        SELECT JSON_AGG(
            JSON_BUILD_OBJECT(
                'id', c.id,
                'name', c.name,
                'image_url', c.image_url
            )
        )
        FROM chain_projects cp
        JOIN chains c ON cp.chain_id = c.id
        WHERE cp.project_id = p.id
    ) as chains_json

FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE;
CREATE UNIQUE INDEX idx_mv_project_details_id ON mv_project_details(id);
CREATE INDEX idx_mv_project_details_user ON mv_project_details(user_id);

CREATE OR REPLACE FUNCTION refresh_project_details()
RETURNS TRIGGER AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_project_details;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
-- Refresh on project update
CREATE TRIGGER trg_refresh_project_details_project
AFTER UPDATE ON projects
FOR EACH STATEMENT EXECUTE FUNCTION refresh_project_details();
-- Refresh on badge
CREATE TRIGGER trg_refresh_project_details_badge
AFTER INSERT ON validation_badges
FOR EACH STATEMENT EXECUTE FUNCTION refresh_project_details();
-- Refresh on chain addition
CREATE TRIGGER trg_refresh_project_details_chain
AFTER INSERT OR DELETE ON chain_projects
FOR EACH STATEMENT EXECUTE FUNCTION refresh_project_details();

-- Install pg_trgm extension for fuzzy search
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE MATERIALIZED VIEW mv_search_index AS
SELECT
    'project' as result_type,
    p.id,
    p.title as name,
    p.description,
    p.image_url,
    p.created_at,
    p.user_id,
    u.username as creator_username,
    p.proof_score as relevance_score,

    -- Full-text search vector
    TO_TSVECTOR('english',
        COALESCE(p.title, '') || ' ' ||
        COALESCE(p.description, '') || ' ' ||
        COALESCE(u.username, '')
    ) as search_vector

FROM projects p
JOIN users u ON p.user_id = u.id
WHERE p.is_deleted = FALSE

UNION ALL

SELECT
    'user' as result_type,
    u.id,
    u.username as name,
    u.bio as description,
    u.profile_image as image_url,
    u.created_at,
    u.id as user_id,
    u.username as creator_username,
    (SELECT COUNT(*) FROM projects WHERE user_id = u.id) as relevance_score,

    TO_TSVECTOR('english',
        COALESCE(u.username, '') || ' ' ||
        COALESCE(u.bio, '')
    ) as search_vector

FROM users u
WHERE u.is_active = TRUE

UNION ALL

SELECT
    'chain' as result_type,
    c.id,
    c.name,
    c.description,
    c.image_url,
    c.created_at,
    c.creator_id as user_id,
    u.username as creator_username,
    (SELECT COUNT(*) FROM chain_followers WHERE chain_id = c.id) as relevance_score,

    TO_TSVECTOR('english',
        COALESCE(c.name, '') || ' ' ||
        COALESCE(c.description, '')
    ) as search_vector

FROM chains c
JOIN users u ON c.creator_id = u.id
WHERE c.is_active = TRUE AND c.is_public = TRUE;
-- Indexes for fast search
CREATE INDEX idx_search_vector ON mv_search_index USING GIN(search_vector);
CREATE INDEX idx_search_type ON mv_search_index(result_type, relevance_score DESC);
CREATE INDEX idx_search_created ON mv_search_index(created_at DESC);
CREATE INDEX idx_search_name_trgm ON mv_search_index USING GIN(name gin_trgm_ops);

CREATE OR REPLACE FUNCTION refresh_search_index()
RETURNS TRIGGER AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_search_index;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
-- Refresh on any content change
CREATE TRIGGER trg_refresh_search_project
AFTER INSERT OR UPDATE ON projects
FOR EACH STATEMENT EXECUTE FUNCTION refresh_search_index();
CREATE TRIGGER trg_refresh_search_user
AFTER UPDATE ON users
FOR EACH STATEMENT EXECUTE FUNCTION refresh_search_index();
CREATE TRIGGER trg_refresh_search_chain
AFTER INSERT OR UPDATE ON chains
FOR EACH STATEMENT EXECUTE FUNCTION refresh_search_index();

-- Added ----------------------------------------------------------------------------------------------------------------

CREATE UNIQUE INDEX ON mv_search_index(result_type, id);

UPDATE user_dashboard_stats s
SET project_count = (SELECT count(*) FROM projects p WHERE p.user_id = s.user_id),
    active_projects = (SELECT count(*) FROM projects p WHERE p.user_id = s.user_id AND NOT p.is_deleted),
    total_proof_score = coalesce((SELECT sum(p.proof_score) FROM projects p WHERE p.user_id = s.user_id AND NOT p.is_deleted), 0),
    karma_score = coalesce((SELECT sum(p.proof_score) FROM projects p WHERE p.user_id = s.user_id AND NOT p.is_deleted), 0),
    comment_count = (SELECT count(*) FROM comments c WHERE c.user_id = s.user_id),
    badges_given = (SELECT count(*) FROM validation_badges b WHERE b.validator_id = s.user_id),
    badges_received = (SELECT count(*) FROM validation_badges b JOIN projects p ON p.id = b.project_id WHERE p.user_id = s.user_id),
    intros_sent = (SELECT count(*) FROM intro_requests i WHERE i.investor_id = s.user_id),
    intros_received = (SELECT count(*) FROM intro_requests i WHERE i.builder_id = s.user_id),
    intro_requests_pending = (SELECT count(*) FROM intro_requests i WHERE i.builder_id = s.user_id AND i.status = 'pending'),
    unread_notifications = (SELECT count(*) FROM notifications n WHERE n.user_id = s.user_id AND NOT n.is_read);

INSERT INTO intro_request_stats (user_id, pending_requests, approved_requests, rejected_requests, sent_requests)
SELECT u.id,
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id AND i.status = 'pending'),
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id AND i.status = 'approved'),
    (SELECT count(*) FROM intro_requests i WHERE i.builder_id = u.id AND i.status = 'rejected'),
    (SELECT count(*) FROM intro_requests i WHERE i.investor_id = u.id)
FROM users u;
