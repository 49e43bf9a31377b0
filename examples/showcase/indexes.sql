-- The indexes of the source tables. Part 1 is document 003's list, statement for statement. Part 2 is what its own views
-- need and its list lacks: a partial index (WHERE is_upvote, WHERE is_deleted = FALSE) cannot answer a count of all rows,
-- so 003's feed took minutes to build. The rule that Part 2 follows: every column by which a model reaches a table, and
-- every foreign key (a parent's DELETE looks its children up), leads an index that leaves out NULLs at most.

-- Part 1: the 26 of document 003 -------------------------------------------------------------------------------------

-- Projects table
CREATE INDEX IF NOT EXISTS idx_projects_user_deleted ON projects(user_id, is_deleted) WHERE is_deleted = FALSE;
CREATE INDEX IF NOT EXISTS idx_projects_category_score ON projects(category, proof_score DESC) WHERE is_deleted = FALSE;
CREATE INDEX IF NOT EXISTS idx_projects_featured ON projects(is_featured, created_at DESC) WHERE is_featured = TRUE;

-- Users table
CREATE INDEX IF NOT EXISTS idx_users_username_lower ON users(LOWER(username));
CREATE INDEX IF NOT EXISTS idx_users_email_lower ON users(LOWER(email));
CREATE INDEX IF NOT EXISTS idx_users_active ON users(is_active) WHERE is_active = TRUE;

-- Comments table
CREATE INDEX IF NOT EXISTS idx_comments_project_parent ON comments(project_id, parent_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_comments_user ON comments(user_id, created_at DESC);

-- Upvotes table. The first exists already: schema.sql declares it UNIQUE, under this name.
CREATE INDEX IF NOT EXISTS idx_upvotes_user_project ON upvotes(user_id, project_id);
CREATE INDEX IF NOT EXISTS idx_upvotes_project ON upvotes(project_id) WHERE is_upvote = TRUE;

-- Validation badges
CREATE INDEX IF NOT EXISTS idx_badges_project ON validation_badges(project_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_badges_validator ON validation_badges(validator_id, created_at DESC);

-- Direct messages
CREATE INDEX IF NOT EXISTS idx_messages_conversation ON direct_messages(sender_id, recipient_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_messages_unread ON direct_messages(recipient_id, is_read, created_at DESC) WHERE is_read = FALSE;

-- Notifications
CREATE INDEX IF NOT EXISTS idx_notifications_user_unread ON notifications(user_id, is_read, created_at DESC) WHERE is_read = FALSE;
CREATE INDEX IF NOT EXISTS idx_notifications_user_created ON notifications(user_id, created_at DESC);

-- Chains
CREATE INDEX IF NOT EXISTS idx_chains_creator ON chains(creator_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_chains_public_active ON chains(is_public, is_active) WHERE is_public = TRUE AND is_active = TRUE;

-- Chain followers
CREATE INDEX IF NOT EXISTS idx_chain_followers_user ON chain_followers(user_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_chain_followers_chain ON chain_followers(chain_id, created_at DESC);

-- Chain posts
CREATE INDEX IF NOT EXISTS idx_chain_posts_chain ON chain_posts(chain_id, is_pinned DESC, created_at DESC) WHERE is_deleted = FALSE;
CREATE INDEX IF NOT EXISTS idx_chain_posts_author ON chain_posts(author_id, created_at DESC);

-- Intro requests
CREATE INDEX IF NOT EXISTS idx_intro_requests_builder_status ON intro_requests(builder_id, status, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_intro_requests_investor ON intro_requests(investor_id, created_at DESC);

-- Investor requests
CREATE INDEX IF NOT EXISTS idx_investor_requests_status ON investor_requests(status, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_investor_requests_user ON investor_requests(user_id);

-- Part 2: additions --------------------------------------------------------------------------------------------------
-- upvotes(user_id), chain_projects(chain_id), chain_followers(chain_id) and chain_post_votes(post_id) need none: the
-- UNIQUE constraints of schema.sql begin with them.

-- A user's projects, deleted ones too: user_dashboard_stats.project_count, my_projects, a renamed user's feed rows.
-- 003's idx_projects_user_deleted is partial.
CREATE INDEX IF NOT EXISTS idx_projects_user ON projects(user_id, created_at DESC);
-- All votes of a project: vote_count, the net votes of trending_score. 003's idx_upvotes_project sees upvotes only.
CREATE INDEX IF NOT EXISTS idx_upvotes_project_all ON upvotes(project_id);
-- A comment's replies: DELETE of a comment cascades to them.
CREATE INDEX IF NOT EXISTS idx_comments_parent ON comments(parent_id) WHERE parent_id IS NOT NULL;
-- A conversation as its recipient sees it; 003 indexes the sender's direction only. Also DELETE of a recipient.
CREATE INDEX IF NOT EXISTS idx_messages_conversation_received ON direct_messages(recipient_id, sender_id, created_at DESC);
-- Chains that hold a project: chains_json of mv_project_details; DELETE of a project.
CREATE INDEX IF NOT EXISTS idx_chain_projects_project ON chain_projects(project_id);
-- A chain's posts of the last 7 days: trending_score of mv_chains_discovery. 003's index is in another order and partial.
CREATE INDEX IF NOT EXISTS idx_chain_posts_chain_created ON chain_posts(chain_id, created_at DESC);
-- A post's comments: comment_count and trending_score of mv_chain_posts; 003 has no index on this table.
CREATE INDEX IF NOT EXISTS idx_chain_post_comments_post ON chain_post_comments(post_id, created_at DESC);
-- Intro requests about a project: my_projects; DELETE of a project sets them NULL.
CREATE INDEX IF NOT EXISTS idx_intro_requests_project ON intro_requests(project_id);
-- Reports about a project or comment: admin_reports; DELETE cascades.
CREATE INDEX IF NOT EXISTS idx_reports_project ON reports(project_id) WHERE project_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_reports_comment ON reports(comment_id) WHERE comment_id IS NOT NULL;
-- The moderators' queues.
CREATE INDEX IF NOT EXISTS idx_reports_status ON reports(status, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_feedback_status ON feedback(status, created_at DESC);
-- Foreign keys to users that no model counts by: DELETE of a user would scan these tables.
CREATE INDEX IF NOT EXISTS idx_notifications_actor ON notifications(actor_id) WHERE actor_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_chain_projects_added_by ON chain_projects(added_by) WHERE added_by IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_chain_post_votes_user ON chain_post_votes(user_id);
CREATE INDEX IF NOT EXISTS idx_chain_post_comments_user ON chain_post_comments(user_id);
CREATE INDEX IF NOT EXISTS idx_investor_requests_reviewer ON investor_requests(reviewed_by) WHERE reviewed_by IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_reports_reporter ON reports(reporter_id) WHERE reporter_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_feedback_user ON feedback(user_id) WHERE user_id IS NOT NULL;
