-- What the application writes while the demo runs. Each statement list between two `-- name:` lines is one transaction,
-- to be run between BEGIN and COMMIT; `weight` is how often it is drawn against the others. No text and no comment
-- in here contains a semicolon, so the file can be split at them.
--
-- Nothing takes parameters: every transaction picks its rows by itself, in a few index steps.
--   * WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1   any row, all alike. The sub-SELECT matters: a bare
--     gen_random_uuid() is evaluated again for each row, and the index is read from its start.
--   * the project of any vote, the sender of any message           popular projects and loud users, as often as they are so
-- A pick may find nothing (the id was beyond the last row): then nothing is written. Rows that a new row refers to are
-- picked FOR KEY SHARE, the lock that the foreign key takes anyway, so that a concurrent DELETE is waited for instead of
-- failing the INSERT. What may exist already is written ON CONFLICT.
--
-- Concurrent transactions of several statements can deadlock on the application's own rows, as in any application: repeat
-- those that end with 40P01 (or 40001 at higher isolation levels).

-- Votes --------------------------------------------------------------------------------------------------------------

-- name: vote weight: 160
INSERT INTO upvotes (user_id, project_id, is_upvote)
SELECT voter.id, project.id, (SELECT random()) < 0.85
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) voter,
     (SELECT id FROM projects
      WHERE id = (SELECT project_id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) project
ON CONFLICT (user_id, project_id) DO NOTHING;

-- name: vote_on_any_project weight: 60
INSERT INTO upvotes (user_id, project_id, is_upvote)
SELECT voter.id, project.id, (SELECT random()) < 0.85
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) voter,
     (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) project
ON CONFLICT (user_id, project_id) DO NOTHING;

-- name: vote_again weight: 30
-- The user has voted already: the vote is replaced.
INSERT INTO upvotes (user_id, project_id, is_upvote)
SELECT v.user_id, v.project_id, NOT v.is_upvote
FROM (SELECT id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1) any_vote
JOIN upvotes v ON v.id = any_vote.id
JOIN projects p ON p.id = v.project_id
JOIN users u ON u.id = v.user_id
FOR KEY SHARE OF p, u
ON CONFLICT (user_id, project_id) DO UPDATE SET is_upvote = EXCLUDED.is_upvote;

-- name: unvote weight: 50
DELETE FROM upvotes WHERE id = (SELECT id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: flip_vote weight: 40
UPDATE upvotes SET is_upvote = NOT is_upvote
WHERE id = (SELECT id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: bulk_votes weight: 1
-- A campaign: one project gets up to 1,000 votes at once.
INSERT INTO upvotes (user_id, project_id, is_upvote)
SELECT voter.id, project.id, TRUE
FROM (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) project,
     (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR KEY SHARE) voter
ON CONFLICT (user_id, project_id) DO NOTHING;

-- name: bulk_votes_on_many_projects weight: 1
-- One user votes on 1,000 projects, in no particular order.
INSERT INTO upvotes (user_id, project_id, is_upvote)
SELECT voter.id, project.id, TRUE
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) voter,
     (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR KEY SHARE) project
ORDER BY md5(project.id::text)
ON CONFLICT (user_id, project_id) DO NOTHING;

-- name: bulk_unvotes weight: 1
DELETE FROM upvotes
WHERE id IN (SELECT id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED);

-- Comments -----------------------------------------------------------------------------------------------------------

-- name: comment weight: 90
INSERT INTO comments (project_id, user_id, content)
SELECT project.id, author.id, 'I would like to know more, ' || substr(md5(random()::text), 1, 6)
FROM (SELECT id FROM users
      WHERE id = (SELECT user_id FROM comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) author,
     (SELECT id FROM projects
      WHERE id = (SELECT project_id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) project;

-- name: reply weight: 30
INSERT INTO comments (project_id, user_id, parent_id, content)
SELECT parent.project_id, author.id, parent.id, 'Me too'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) author,
     (SELECT c.id, c.project_id FROM comments c JOIN projects p ON p.id = c.project_id
      WHERE c.id >= (SELECT gen_random_uuid()) AND c.parent_id IS NULL
      ORDER BY c.id LIMIT 1
      FOR KEY SHARE) parent;

-- name: edit_comment weight: 25
UPDATE comments SET content = content || ' (edited)', updated_at = now()
WHERE id = (SELECT id FROM comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: soft_delete_comment weight: 12
UPDATE comments SET is_deleted = TRUE, updated_at = now()
WHERE id = (SELECT id FROM comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: undelete_comment weight: 8
UPDATE comments SET is_deleted = FALSE, updated_at = now()
WHERE id = (SELECT id FROM comments WHERE is_deleted AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_comment weight: 12
-- Its replies go with it.
DELETE FROM comments WHERE id = (SELECT id FROM comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: move_comment weight: 3
-- A moderator moves a comment without replies to another project.
UPDATE comments c SET project_id = project.id
FROM (SELECT id FROM comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1) any_comment,
     (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) project
WHERE c.id = any_comment.id AND c.parent_id IS NULL AND NOT EXISTS (SELECT FROM comments reply WHERE reply.parent_id = c.id);

-- name: bulk_comments weight: 1
-- An import of 1,000 comments.
INSERT INTO comments (project_id, user_id, content, created_at, updated_at)
SELECT project.id, author.id, 'Imported', now() - interval '30 days', now()
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n
      FROM (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR KEY SHARE) chosen) project
JOIN (SELECT id, row_number() OVER (ORDER BY id DESC) AS n
      FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR KEY SHARE) chosen) author USING (n);

-- Badges -------------------------------------------------------------------------------------------------------------

-- name: badge weight: 30
-- A badge and the points that it brings, in one statement.
WITH awarded AS (
    INSERT INTO validation_badges (project_id, validator_id, badge_type, points)
    SELECT project.id, validator.id, 'silver', 10
    FROM (SELECT id FROM users WHERE is_validator AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) validator,
         (SELECT id FROM projects
          WHERE id = (SELECT project_id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
          FOR KEY SHARE) project
    RETURNING project_id, points
)
UPDATE projects p SET proof_score = p.proof_score + awarded.points, updated_at = now()
FROM awarded WHERE p.id = awarded.project_id;

-- name: badge_then_points weight: 15
-- The same in two statements, the badge first, and a notification to the project's owner.
SELECT set_config('showcase.project', coalesce((
    SELECT id::text FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE), ''), TRUE);
INSERT INTO validation_badges (project_id, validator_id, badge_type, points)
SELECT nullif(current_setting('showcase.project'), '')::uuid, validator.id, 'gold', 15
FROM (SELECT id FROM users WHERE is_validator AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) validator
WHERE current_setting('showcase.project') <> '';
UPDATE projects SET proof_score = proof_score + 15, updated_at = now()
WHERE id = nullif(current_setting('showcase.project'), '')::uuid;
INSERT INTO notifications (user_id, type, title)
SELECT user_id, 'badge', 'A badge was awarded' FROM projects WHERE id = nullif(current_setting('showcase.project'), '')::uuid;

-- name: revoke_badge weight: 12
WITH revoked AS (
    DELETE FROM validation_badges
    WHERE id = (SELECT id FROM validation_badges WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
    RETURNING project_id, points
)
UPDATE projects p SET proof_score = greatest(0, p.proof_score - revoked.points), updated_at = now()
FROM revoked WHERE p.id = revoked.project_id;

-- name: upgrade_badge weight: 6
UPDATE validation_badges SET badge_type = 'platinum', points = 20
WHERE id = (SELECT id FROM validation_badges WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Messages -----------------------------------------------------------------------------------------------------------

-- name: message weight: 120
INSERT INTO direct_messages (sender_id, recipient_id, message)
SELECT sender.id, recipient.id, 'Hello, ' || substr(md5(random()::text), 1, 8)
FROM (SELECT id FROM users
      WHERE id = (SELECT sender_id FROM direct_messages WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) sender,
     (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) recipient;

-- name: answer weight: 90
-- Back along a conversation, the lively ones more often: in any minute somebody writes the other way.
INSERT INTO direct_messages (sender_id, recipient_id, message)
SELECT m.recipient_id, m.sender_id, 'Thanks! ' || substr(md5(random()::text), 1, 8)
FROM (SELECT id FROM direct_messages WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1) any_message
JOIN direct_messages m ON m.id = any_message.id
JOIN users s ON s.id = m.sender_id
JOIN users r ON r.id = m.recipient_id
FOR KEY SHARE OF s, r;

-- name: messages_both_ways weight: 30
-- Two users write to each other in one statement, both messages with the same time.
INSERT INTO direct_messages (sender_id, recipient_id, message)
SELECT CASE way WHEN 1 THEN pair.a ELSE pair.b END, CASE way WHEN 1 THEN pair.b ELSE pair.a END, 'At once ' || way
FROM (SELECT one.id AS a, other.id AS b
      FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) one,
           (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) other) pair,
     generate_series(1, 2) way;

-- name: message_to_self weight: 4
INSERT INTO direct_messages (sender_id, recipient_id, message)
SELECT me.id, me.id, 'Do not forget'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) me;

-- name: message_from_the_past weight: 5
-- An import: written now, dated last year.
INSERT INTO direct_messages (sender_id, recipient_id, message, is_read, created_at, updated_at)
SELECT m.sender_id, m.recipient_id, 'Imported', TRUE, now() - interval '400 days', now() - interval '400 days'
FROM (SELECT id FROM direct_messages WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1) any_message
JOIN direct_messages m ON m.id = any_message.id
JOIN users s ON s.id = m.sender_id
JOIN users r ON r.id = m.recipient_id
FOR KEY SHARE OF s, r;

-- name: read_message weight: 90
UPDATE direct_messages SET is_read = TRUE, updated_at = now()
WHERE id = (SELECT id FROM direct_messages WHERE NOT is_read AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: read_conversation weight: 30
UPDATE direct_messages m SET is_read = TRUE, updated_at = now()
FROM (SELECT sender_id, recipient_id FROM direct_messages
      WHERE NOT is_read AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1) any_unread
WHERE m.recipient_id = any_unread.recipient_id AND m.sender_id = any_unread.sender_id AND NOT m.is_read;

-- name: read_inbox weight: 6
-- "Mark all as read" of one user.
UPDATE direct_messages SET is_read = TRUE, updated_at = now()
WHERE id IN (SELECT id FROM direct_messages
             WHERE NOT is_read
               AND recipient_id = (SELECT recipient_id FROM direct_messages
                                   WHERE NOT is_read AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
             ORDER BY id FOR NO KEY UPDATE);

-- name: mark_unread weight: 8
UPDATE direct_messages SET is_read = FALSE, updated_at = now()
WHERE id = (SELECT id FROM direct_messages WHERE is_read AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: edit_message weight: 8
UPDATE direct_messages SET message = message || ' (edited)', updated_at = now()
WHERE id = (SELECT id FROM direct_messages WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: unsend_last_message weight: 12
-- The latest message of a conversation goes: the one before it is the last again.
DELETE FROM direct_messages
WHERE id = (SELECT m.id
            FROM (SELECT sender_id, recipient_id FROM direct_messages
                  WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1) any_message
            JOIN direct_messages m ON m.sender_id = any_message.sender_id AND m.recipient_id = any_message.recipient_id
            ORDER BY m.created_at DESC, m.id DESC
            LIMIT 1);

-- name: delete_message weight: 8
DELETE FROM direct_messages
WHERE id = (SELECT id FROM direct_messages WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: bulk_messages weight: 1
-- A newsletter: one user writes to 1,000.
INSERT INTO direct_messages (sender_id, recipient_id, message)
SELECT sender.id, recipient.id, 'News of the month'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) sender,
     (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR KEY SHARE) recipient;

-- name: bulk_read weight: 1
UPDATE direct_messages SET is_read = TRUE, updated_at = now()
WHERE id IN (SELECT id FROM direct_messages WHERE NOT is_read AND id >= (SELECT gen_random_uuid())
             ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED);

-- Notifications ------------------------------------------------------------------------------------------------------

-- name: notify weight: 90
INSERT INTO notifications (user_id, actor_id, type, title)
SELECT recipient.id, actor.id, 'follow', 'New follower'
FROM (SELECT id FROM users
      WHERE id = (SELECT user_id FROM notifications WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) recipient,
     (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) actor;

-- name: read_notification weight: 60
UPDATE notifications SET is_read = TRUE
WHERE id = (SELECT id FROM notifications WHERE NOT is_read AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: read_all_notifications weight: 10
UPDATE notifications SET is_read = TRUE
WHERE id IN (SELECT id FROM notifications
             WHERE NOT is_read
               AND user_id = (SELECT user_id FROM notifications
                              WHERE NOT is_read AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
             ORDER BY id FOR NO KEY UPDATE);

-- name: delete_notification weight: 8
DELETE FROM notifications
WHERE id = (SELECT id FROM notifications WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: bulk_notifications weight: 1
INSERT INTO notifications (user_id, type, title)
SELECT id, 'system', 'Maintenance tonight'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR KEY SHARE) recipient;

-- Users --------------------------------------------------------------------------------------------------------------

-- name: login weight: 60
-- No model reads this column.
UPDATE users SET last_login_at = now()
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: sign_up weight: 12
INSERT INTO users (username, email, bio)
SELECT 'newcomer~' || key, key || '@example.org', 'Just arrived'
FROM (SELECT gen_random_uuid()::text AS key) fresh
ON CONFLICT DO NOTHING;

-- name: rename_user weight: 20
UPDATE users SET username = split_part(username, '~', 1) || '~' || substr(gen_random_uuid()::text, 1, 13), updated_at = now()
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: rename_loud_user weight: 5
UPDATE users SET username = split_part(username, '~', 1) || '~' || substr(gen_random_uuid()::text, 1, 13), updated_at = now()
WHERE id = (SELECT user_id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: edit_profile weight: 10
UPDATE users SET bio = 'Changed my mind at ' || now()::text, profile_image = NULL, updated_at = now()
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: verify_user weight: 6
UPDATE users SET is_verified = NOT is_verified, updated_at = now()
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: deactivate_user weight: 6
UPDATE users SET is_active = FALSE, updated_at = now()
WHERE id = (SELECT id FROM users WHERE is_active AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: activate_user weight: 6
UPDATE users SET is_active = TRUE, updated_at = now()
WHERE id = (SELECT id FROM users WHERE NOT is_active AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: change_validator weight: 3
UPDATE users SET is_validator = NOT is_validator, updated_at = now()
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_user weight: 2
-- Projects, votes, messages, chains of the user go too, two levels deep.
DELETE FROM users WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Projects -----------------------------------------------------------------------------------------------------------

-- name: create_project weight: 30
INSERT INTO projects (user_id, title, description, category)
SELECT owner.id, 'Fresh Ledger ' || substr(md5(random()::text), 1, 4), 'A distributed system for music.', 'devtools'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) owner;

-- name: create_project_with_own_vote weight: 10
-- Project, vote and comment in one statement.
WITH created AS (
    INSERT INTO projects (user_id, title, category)
    SELECT owner.id, 'Self-made ' || substr(md5(random()::text), 1, 4), NULL
    FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) owner
    RETURNING id, user_id
), voted AS (
    INSERT INTO upvotes (user_id, project_id) SELECT user_id, id FROM created
)
INSERT INTO comments (project_id, user_id, content) SELECT id, user_id, 'First!' FROM created;

-- name: edit_project weight: 25
UPDATE projects SET title = left(title, 60) || ' *', description = coalesce(description, 'Now with a description'), updated_at = now()
WHERE id = (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: feature_project weight: 3
UPDATE projects SET is_featured = NOT is_featured, category = CASE WHEN category IS NULL THEN 'ai' END, updated_at = now()
WHERE id = (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: soft_delete_project weight: 12
UPDATE projects SET is_deleted = TRUE, updated_at = now()
WHERE id = (SELECT id FROM projects WHERE NOT is_deleted AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: undelete_project weight: 12
UPDATE projects SET is_deleted = FALSE, updated_at = now()
WHERE id = (SELECT id FROM projects WHERE is_deleted AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: reown_project weight: 6
UPDATE projects p SET user_id = heir.id, updated_at = now()
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) heir
WHERE p.id = (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: reown_and_soft_delete_project weight: 2
UPDATE projects p SET user_id = heir.id, is_deleted = NOT p.is_deleted, updated_at = now()
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) heir
WHERE p.id = (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_project weight: 4
DELETE FROM projects WHERE id = (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: bulk_recategorise weight: 1
UPDATE projects SET category = CASE category WHEN 'web3' THEN 'ai' ELSE 'web3' END
WHERE id IN (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED);

-- name: bulk_score_correction weight: 1
UPDATE projects SET proof_score = proof_score + 1
WHERE id IN (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED);

-- Chains -------------------------------------------------------------------------------------------------------------

-- name: follow weight: 40
INSERT INTO chain_followers (chain_id, user_id)
SELECT chain.id, follower.id
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) follower,
     (SELECT id FROM chains
      WHERE id = (SELECT chain_id FROM chain_followers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) chain
ON CONFLICT (chain_id, user_id) DO NOTHING;

-- name: unfollow weight: 20
DELETE FROM chain_followers
WHERE id = (SELECT id FROM chain_followers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: create_chain weight: 5
WITH founded AS (
    INSERT INTO chains (creator_id, name, is_public)
    SELECT founder.id, 'New circle ' || substr(md5(random()::text), 1, 6), (SELECT random()) < 0.7
    FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) founder
    RETURNING id, creator_id
)
INSERT INTO chain_followers (chain_id, user_id) SELECT id, creator_id FROM founded;

-- name: edit_chain weight: 4
UPDATE chains SET name = left(name, 40) || '!', updated_at = now()
WHERE id = (SELECT id FROM chains WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: change_chain_privacy weight: 4
UPDATE chains SET is_public = NOT is_public, updated_at = now()
WHERE id = (SELECT id FROM chains WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: close_or_reopen_chain weight: 2
UPDATE chains SET is_active = NOT is_active, updated_at = now()
WHERE id = (SELECT id FROM chains WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_empty_chain weight: 3
DELETE FROM chains
WHERE id = (SELECT id FROM chains c
            WHERE NOT EXISTS (SELECT FROM chain_posts po WHERE po.chain_id = c.id)
            ORDER BY id LIMIT 1);

-- name: add_project_to_chain weight: 12
INSERT INTO chain_projects (chain_id, project_id, added_by)
SELECT chain.id, project.id, chain.creator_id
FROM (SELECT c.id, c.creator_id FROM chains c JOIN users u ON u.id = c.creator_id
      WHERE c.id >= (SELECT gen_random_uuid()) ORDER BY c.id LIMIT 1 FOR KEY SHARE) chain,
     (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) project
ON CONFLICT (chain_id, project_id) DO NOTHING;

-- name: take_project_out_of_chain weight: 6
DELETE FROM chain_projects
WHERE id = (SELECT id FROM chain_projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: post weight: 40
INSERT INTO chain_posts (chain_id, author_id, title, content)
SELECT chain.id, author.id, 'What do you think?', 'About ' || substr(md5(random()::text), 1, 8)
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) author,
     (SELECT id FROM chains
      WHERE id = (SELECT chain_id FROM chain_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) chain;

-- name: edit_post weight: 8
UPDATE chain_posts SET content = coalesce(content, '') || ' (edited)', updated_at = now()
WHERE id = (SELECT id FROM chain_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: pin_post weight: 3
UPDATE chain_posts SET is_pinned = NOT is_pinned, updated_at = now()
WHERE id = (SELECT id FROM chain_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: soft_delete_or_restore_post weight: 8
UPDATE chain_posts SET is_deleted = NOT is_deleted, updated_at = now()
WHERE id = (SELECT id FROM chain_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: move_post weight: 3
UPDATE chain_posts po SET chain_id = chain.id, updated_at = now()
FROM (SELECT id FROM chains WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) chain
WHERE po.id = (SELECT id FROM chain_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_post weight: 4
DELETE FROM chain_posts WHERE id = (SELECT id FROM chain_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: vote_on_post weight: 60
INSERT INTO chain_post_votes (post_id, user_id, is_upvote)
SELECT voted.id, voter.id, (SELECT random()) < 0.9
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) voter,
     (SELECT id FROM chain_posts
      WHERE id = (SELECT post_id FROM chain_post_votes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) voted
ON CONFLICT (post_id, user_id) DO UPDATE SET is_upvote = EXCLUDED.is_upvote;

-- name: unvote_post weight: 15
DELETE FROM chain_post_votes
WHERE id = (SELECT id FROM chain_post_votes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: flip_post_vote weight: 10
UPDATE chain_post_votes SET is_upvote = NOT is_upvote
WHERE id = (SELECT id FROM chain_post_votes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: comment_on_post weight: 40
INSERT INTO chain_post_comments (post_id, user_id, content)
SELECT commented.id, author.id, 'Agreed'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) author,
     (SELECT id FROM chain_posts WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) commented;

-- name: soft_delete_or_restore_post_comment weight: 6
UPDATE chain_post_comments SET is_deleted = NOT is_deleted
WHERE id = (SELECT id FROM chain_post_comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_post_comment weight: 8
DELETE FROM chain_post_comments
WHERE id = (SELECT id FROM chain_post_comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Introductions, investors, moderation -------------------------------------------------------------------------------

-- name: ask_for_intro weight: 20
INSERT INTO intro_requests (project_id, investor_id, builder_id, message)
SELECT project.id, investor.id, project.user_id, 'May we talk?'
FROM (SELECT id FROM users
      WHERE id = (SELECT user_id FROM investor_requests
                  WHERE status = 'approved' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) investor,
     (SELECT p.id, p.user_id FROM projects p JOIN users u ON u.id = p.user_id
      WHERE p.id = (SELECT project_id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) project;

-- name: answer_intro weight: 15
UPDATE intro_requests SET status = CASE WHEN (SELECT random()) < 0.6 THEN 'approved' ELSE 'rejected' END, updated_at = now()
WHERE id = (SELECT id FROM intro_requests WHERE status = 'pending' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: change_mind_on_intro weight: 6
UPDATE intro_requests
SET status = CASE status WHEN 'approved' THEN 'rejected' WHEN 'rejected' THEN 'pending' ELSE 'approved' END, updated_at = now()
WHERE id = (SELECT id FROM intro_requests WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: withdraw_intro weight: 4
DELETE FROM intro_requests
WHERE id = (SELECT id FROM intro_requests WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: hand_over_intro weight: 2
-- Another builder answers.
UPDATE intro_requests i SET builder_id = builder.id, updated_at = now()
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) builder
WHERE i.id = (SELECT id FROM intro_requests WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: apply_as_investor weight: 5
INSERT INTO investor_requests (user_id, company_name, investment_focus, ticket_size)
SELECT applicant.id, 'Seed & Sons', 'climate', '< 50k'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) applicant;

-- name: approve_investor weight: 5
UPDATE investor_requests SET status = 'approved', approved_at = now()
WHERE id = (SELECT id FROM investor_requests WHERE status = 'pending' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: approve_investor_again weight: 2
-- A second approved request of the same user: the directory shows the latest.
INSERT INTO investor_requests (user_id, status, company_name, investment_focus, approved_at)
SELECT r.user_id, 'approved', 'Second Fund', 'ai', now()
FROM (SELECT id FROM investor_requests
      WHERE status = 'approved' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1) any_request
JOIN investor_requests r ON r.id = any_request.id
JOIN users u ON u.id = r.user_id
FOR KEY SHARE OF u;

-- name: reject_investor weight: 3
UPDATE investor_requests SET status = 'rejected', approved_at = NULL
WHERE id = (SELECT id FROM investor_requests WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: edit_investor weight: 3
UPDATE investor_requests SET company_name = left(coalesce(company_name, 'Unnamed'), 30) || ' II'
WHERE id = (SELECT id FROM investor_requests WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: report_project weight: 6
INSERT INTO reports (reporter_id, project_id, reason)
SELECT reporter.id, project.id, 'spam'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) reporter,
     (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) project;

-- name: report_comment weight: 4
INSERT INTO reports (reporter_id, comment_id, reason)
SELECT reporter.id, reported.id, 'abuse'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) reporter,
     (SELECT id FROM comments WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) reported;

-- name: settle_report weight: 6
UPDATE reports SET status = CASE WHEN status = 'open' THEN 'resolved' ELSE 'open' END, updated_at = now()
WHERE id = (SELECT id FROM reports WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: give_feedback weight: 6
INSERT INTO feedback (user_id, category, message)
SELECT id, 'idea', 'More gardens, please'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) author;

-- name: settle_feedback weight: 5
UPDATE feedback SET status = CASE WHEN status = 'open' THEN 'dismissed' ELSE 'open' END, updated_at = now()
WHERE id = (SELECT id FROM feedback WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Transactions of several statements ---------------------------------------------------------------------------------

-- name: launch weight: 6
-- A builder launches a project, adds it to a chain, posts about it, and a friend is told.
SELECT set_config('showcase.builder', coalesce((
           SELECT id::text FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE), ''), TRUE),
       set_config('showcase.chain', coalesce((
           SELECT id::text FROM chains WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE), ''), TRUE),
       set_config('showcase.project', gen_random_uuid()::text, TRUE);
INSERT INTO projects (id, user_id, title, category)
SELECT current_setting('showcase.project')::uuid, current_setting('showcase.builder')::uuid, 'Launch day', 'hardware'
WHERE current_setting('showcase.builder') <> '';
INSERT INTO chain_projects (chain_id, project_id, added_by)
SELECT current_setting('showcase.chain')::uuid, p.id, p.user_id
FROM projects p WHERE p.id = current_setting('showcase.project')::uuid AND current_setting('showcase.chain') <> '';
INSERT INTO chain_posts (chain_id, author_id, title)
SELECT current_setting('showcase.chain')::uuid, p.user_id, 'We launched'
FROM projects p WHERE p.id = current_setting('showcase.project')::uuid AND current_setting('showcase.chain') <> '';
INSERT INTO direct_messages (sender_id, recipient_id, message)
SELECT p.user_id, friend.id, 'We launched!'
FROM projects p,
     (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) friend
WHERE p.id = current_setting('showcase.project')::uuid;

-- name: second_thoughts weight: 8
-- What happens between the savepoint and the rollback never was.
SAVEPOINT before_the_mistake;
DELETE FROM upvotes
WHERE project_id = (SELECT project_id FROM upvotes WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
UPDATE users SET username = split_part(username, '~', 1) || '~' || substr(gen_random_uuid()::text, 1, 13)
WHERE id = (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
ROLLBACK TO SAVEPOINT before_the_mistake;
INSERT INTO comments (project_id, user_id, content)
SELECT project.id, author.id, 'Never mind'
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) author,
     (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) project;

-- name: soft_delete_and_undelete weight: 6
-- There and back in one transaction, with a vote in between and a savepoint that is kept.
SELECT set_config('showcase.project', coalesce((
    SELECT id::text FROM projects WHERE NOT is_deleted AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR NO KEY UPDATE), ''), TRUE);
UPDATE projects SET is_deleted = TRUE WHERE id = nullif(current_setting('showcase.project'), '')::uuid;
SAVEPOINT deleted;
INSERT INTO upvotes (user_id, project_id)
SELECT voter.id, nullif(current_setting('showcase.project'), '')::uuid
FROM (SELECT id FROM users WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) voter
WHERE current_setting('showcase.project') <> ''
ON CONFLICT (user_id, project_id) DO UPDATE SET is_upvote = TRUE;
RELEASE SAVEPOINT deleted;
UPDATE projects SET is_deleted = FALSE WHERE id = nullif(current_setting('showcase.project'), '')::uuid;

-- name: soft_delete_and_tell_the_owner weight: 5
-- Three statements that all change the owner's dashboard.
SELECT set_config('showcase.project', coalesce(min(id::text), ''), TRUE), set_config('showcase.owner', coalesce(min(user_id::text), ''), TRUE)
FROM (SELECT p.id, p.user_id FROM projects p JOIN users u ON u.id = p.user_id
      WHERE NOT p.is_deleted AND p.id >= (SELECT gen_random_uuid()) ORDER BY p.id LIMIT 1
      FOR NO KEY UPDATE OF p FOR KEY SHARE OF u) chosen;
UPDATE projects SET is_deleted = TRUE, updated_at = now() WHERE id = nullif(current_setting('showcase.project'), '')::uuid;
INSERT INTO direct_messages (sender_id, recipient_id, message)
SELECT moderator.id, current_setting('showcase.owner')::uuid, 'Your project was removed'
FROM (SELECT id FROM users WHERE is_active AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) moderator
WHERE current_setting('showcase.owner') <> '';
INSERT INTO notifications (user_id, type, title)
SELECT nullif(current_setting('showcase.owner'), '')::uuid, 'system', 'A project of yours was removed'
WHERE current_setting('showcase.owner') <> '';

-- name: all_for_nothing weight: 5
-- A whole transaction's work, undone.
SAVEPOINT start;
DELETE FROM projects WHERE id = (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
UPDATE direct_messages SET is_read = NOT is_read
WHERE id = (SELECT id FROM direct_messages WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
INSERT INTO users (username, email)
SELECT 'ghost~' || key, key || '@example.org' FROM (SELECT gen_random_uuid()::text AS key) fresh;
ROLLBACK TO SAVEPOINT start;

-- name: verify_and_let_vote weight: 5
-- One statement changes a user and gives the user a vote.
WITH verified AS (
    UPDATE users SET is_verified = TRUE, updated_at = now()
    WHERE id = (SELECT id FROM users WHERE NOT is_verified AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
    RETURNING id
)
INSERT INTO upvotes (user_id, project_id)
SELECT verified.id, project.id
FROM verified, (SELECT id FROM projects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) project
ON CONFLICT (user_id, project_id) DO NOTHING;
