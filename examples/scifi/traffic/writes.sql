-- What the application writes while the demo runs. Each statement list between two `-- name:` lines is one transaction,
-- to be run between BEGIN and COMMIT; `weight` is how often it is drawn against the others. No text and no comment
-- in here contains a semicolon, so the file can be split at them.
--
-- Nothing takes parameters: every transaction picks its rows by itself, in a few index steps.
--   * WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1   any row, all alike. The sub-SELECT matters: a bare
--     gen_random_uuid() is evaluated again for each row, and the index is read from its start.
--   * the dweller of any action, the world of any story            popular ones, as often as they are so
-- A pick may find nothing (the id was beyond the last row): then nothing is written. Rows that a new row refers to are
-- picked FOR KEY SHARE, the lock that the foreign key takes anyway, so that a concurrent DELETE is waited for instead of
-- failing the INSERT.
--
-- Concurrent transactions can deadlock on the application's own rows, cascading deletes above all: repeat those that end
-- with 40P01 (or 40001 at higher isolation levels).

-- Dwellers -----------------------------------------------------------------------------------------------------------

-- name: act weight: 200
-- Through a popular dweller: the dweller of any action.
INSERT INTO platform_dweller_actions (dweller_id, agent_id, action_type, content, dialogue, target)
SELECT dweller.id, agent.id, 'speak', 'Says what had to be said.', 'We have been here before.', 'the water court'
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_dwellers
      WHERE id = (SELECT dweller_id FROM platform_dweller_actions WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) dweller;

-- name: act_through_any_dweller weight: 80
INSERT INTO platform_dweller_actions (dweller_id, agent_id, action_type, content, stage_direction)
SELECT dweller.id, agent.id, 'observe', 'Watches.', '(quietly)'
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) dweller;

-- name: act_by_nobody weight: 6
INSERT INTO platform_dweller_actions (dweller_id, action_type, content)
SELECT id, 'move', 'Leaves.' FROM (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) dweller;

-- name: scene weight: 10
-- Twelve actions with the same time, to the microsecond.
INSERT INTO platform_dweller_actions (dweller_id, agent_id, action_type, content, created_at)
SELECT dweller.id, agent.id, 'interact', 'Line ' || line, now()
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) dweller,
     generate_series(1, 12) line;

-- name: scene_cut_to_the_minute weight: 8
-- Ties with other transactions.
INSERT INTO platform_dweller_actions (dweller_id, agent_id, action_type, content, created_at)
SELECT dweller.id, agent.id, 'decide', 'Decides.', date_trunc('minute', now())
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) dweller;

-- name: import_actions weight: 1
-- Up to 500, older than everything.
INSERT INTO platform_dweller_actions (dweller_id, action_type, content, created_at)
SELECT id, 'observe', 'From the old logs.', now() - interval '400 days' - interval '1 second' * row_number() OVER (ORDER BY id)
FROM (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 500 FOR KEY SHARE) dweller;

-- name: edit_action weight: 10
UPDATE platform_dweller_actions SET content = content || ' (edited)' WHERE id = (SELECT id FROM platform_dweller_actions WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_action weight: 12
DELETE FROM platform_dweller_actions WHERE id = (SELECT id FROM platform_dweller_actions WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: create_dweller weight: 14
INSERT INTO platform_dwellers (world_id, created_by, name, role, origin_region)
SELECT world.id, agent.id, 'Newcomer', 'archivist', 'Low Harbor'
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_worlds
      WHERE id = (SELECT world_id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) world;

-- name: claim_dweller weight: 20
SELECT set_config('scifi.dweller', coalesce((
    SELECT id::text FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR NO KEY UPDATE), ''), TRUE);
INSERT INTO platform_dweller_claims (dweller_id, agent_id)
SELECT current_setting('scifi.dweller')::uuid, id
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent
WHERE current_setting('scifi.dweller') <> '';
UPDATE platform_dwellers SET is_available = FALSE WHERE id = nullif(current_setting('scifi.dweller'), '')::uuid;

-- name: release_dweller weight: 12
SELECT set_config('scifi.claim', coalesce((
    SELECT id::text FROM platform_dweller_claims WHERE released_at IS NULL AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR NO KEY UPDATE), ''), TRUE);
UPDATE platform_dweller_claims SET released_at = greatest(now(), claimed_at) WHERE id = nullif(current_setting('scifi.claim'), '')::uuid;
UPDATE platform_dwellers SET is_available = TRUE
WHERE id = (SELECT dweller_id FROM platform_dweller_claims WHERE id = nullif(current_setting('scifi.claim'), '')::uuid);

-- name: rename_dweller weight: 8
UPDATE platform_dwellers SET name = split_part(name, ' ~', 1) || ' ~' || substr(gen_random_uuid()::text, 1, 4)
WHERE id = (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: new_portrait weight: 8
-- Of a popular dweller: shown in all its actions.
UPDATE platform_dwellers SET portrait_url = 'https://img.example.org/dwellers/' || gen_random_uuid() || '.webp'
WHERE id = (SELECT dweller_id FROM platform_dweller_actions WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: dweller_moves_to_another_world weight: 3
UPDATE platform_dwellers SET world_id = world.id
FROM (SELECT id FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) world
WHERE platform_dwellers.id = (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_dweller weight: 3
DELETE FROM platform_dwellers WHERE id = (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Stories ------------------------------------------------------------------------------------------------------------

-- name: tell_story weight: 40
INSERT INTO platform_stories (world_id, author_id, perspective, title, summary, content)
SELECT world.id, agent.id, 'third_person_omniscient', 'What the tide returned', CASE WHEN (SELECT random()) < 0.5 THEN 'Short.' ELSE repeat('The archive keeps what the tide returns. ', 8) END, 'Once.'
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_worlds
      WHERE id = (SELECT world_id FROM platform_stories WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) world;

-- name: tell_story_of_a_dweller weight: 30
INSERT INTO platform_stories (world_id, author_id, perspective, perspective_dweller_id, title, content)
SELECT dweller.world_id, agent.id, 'first_person_dweller', dweller.id, 'As I saw it', 'I was there.'
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT d.id, d.world_id FROM platform_dwellers d JOIN platform_worlds w ON w.id = d.world_id
      WHERE d.id = (SELECT dweller_id FROM platform_dweller_actions WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) dweller;

-- name: revise_story weight: 25
SELECT set_config('scifi.story', coalesce((
    SELECT id::text FROM platform_stories WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR NO KEY UPDATE), ''), TRUE);
UPDATE platform_stories SET title = split_part(title, ' (', 1) || ' (revised)', content = content || ' And again.'
WHERE id = nullif(current_setting('scifi.story'), '')::uuid;
INSERT INTO platform_story_revisions (story_id, agent_id, revision_number, title, summary)
SELECT s.id, s.author_id, 1 + (SELECT count(*) FROM platform_story_revisions r WHERE r.story_id = s.id), s.title, s.summary
FROM platform_stories s WHERE s.id = nullif(current_setting('scifi.story'), '')::uuid;

-- name: review_story weight: 40
INSERT INTO platform_story_reviews (story_id, agent_id, recommend_acclaim, review)
SELECT story.id, agent.id, (SELECT random()) < 0.3, CASE WHEN (SELECT random()) < 0.5 THEN 'Short.' ELSE repeat('The archive keeps what the tide returns. ', 8) END
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_stories
      WHERE id = (SELECT story_id FROM platform_story_reviews WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) story;

-- name: acclaim_story weight: 8
UPDATE platform_stories SET status = CASE status WHEN 'published' THEN 'acclaimed' ELSE 'published' END
WHERE id = (SELECT id FROM platform_stories WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: react_to_story weight: 80
UPDATE platform_stories SET reaction_count = reaction_count + 1
WHERE id = (SELECT story_id FROM platform_story_reviews WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: comment_on_story weight: 30
UPDATE platform_stories SET comment_count = comment_count + 1
WHERE id = (SELECT id FROM platform_stories WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: story_gets_a_video weight: 6
UPDATE platform_stories SET video_url = 'https://video.example.org/' || id || '.mp4', thumbnail_url = 'https://img.example.org/' || id || '-small.webp'
WHERE id = (SELECT id FROM platform_stories WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: story_moves_to_another_world weight: 2
UPDATE platform_stories SET world_id = world.id
FROM (SELECT id FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) world
WHERE platform_stories.id = (SELECT id FROM platform_stories WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_story weight: 6
DELETE FROM platform_stories WHERE id = (SELECT id FROM platform_stories WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Proposals and worlds -----------------------------------------------------------------------------------------------

-- name: draft_proposal weight: 12
INSERT INTO platform_proposals (agent_id, name, premise, year_setting)
SELECT id, 'Untitled ' || substr(gen_random_uuid()::text, 1, 8), CASE WHEN (SELECT random()) < 0.5 THEN 'Short.' ELSE repeat('The archive keeps what the tide returns. ', 8) END, 2140
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent;

-- name: submit_proposal weight: 14
UPDATE platform_proposals SET status = 'validating', submitted_at = now()
WHERE status = 'draft' AND id = (SELECT id FROM platform_proposals WHERE status = 'draft' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: edit_proposal weight: 8
UPDATE platform_proposals SET premise = left('Now ' || premise, 1000) WHERE id = (SELECT id FROM platform_proposals WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: revise_proposal weight: 20
SELECT set_config('scifi.proposal', coalesce((
    SELECT id::text FROM platform_proposals WHERE submitted_at IS NOT NULL AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR NO KEY UPDATE), ''), TRUE);
UPDATE platform_proposals SET premise = left('Revised: ' || premise, 1000)
WHERE id = nullif(current_setting('scifi.proposal'), '')::uuid;
INSERT INTO platform_proposal_revisions (proposal_id, agent_id, revision_number, premise)
SELECT p.id, p.agent_id, 1 + (SELECT count(*) FROM platform_proposal_revisions r WHERE r.proposal_id = p.id), p.premise
FROM platform_proposals p WHERE p.id = nullif(current_setting('scifi.proposal'), '')::uuid;

-- name: validate_proposal weight: 40
INSERT INTO platform_proposal_validations (proposal_id, agent_id, verdict, critique)
SELECT proposal.id, agent.id, 'approve', CASE WHEN (SELECT random()) < 0.5 THEN 'Short.' ELSE repeat('The archive keeps what the tide returns. ', 8) END
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_proposals
      WHERE id = (SELECT proposal_id FROM platform_proposal_validations WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) proposal;

-- name: change_a_verdict weight: 6
UPDATE platform_proposal_validations SET verdict = CASE verdict WHEN 'approve' THEN 'strengthen' ELSE 'approve' END
WHERE id = (SELECT id FROM platform_proposal_validations WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: withdraw_a_validation weight: 5
DELETE FROM platform_proposal_validations WHERE id = (SELECT id FROM platform_proposal_validations WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: approve_proposal weight: 10
UPDATE platform_proposals SET status = 'approved', approved_at = now()
WHERE status = 'validating' AND id = (SELECT id FROM platform_proposals WHERE status = 'validating' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: reject_proposal weight: 6
-- One that was approved keeps that event: the status moves on, approved_at stays.
UPDATE platform_proposals SET status = 'rejected'
WHERE status IN ('validating', 'approved') AND id = (SELECT id FROM platform_proposals WHERE status IN ('validating', 'approved') AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: graduate weight: 8
-- A world, its graduation and the status, all in one: two events with the same time.
SELECT set_config('scifi.proposal', coalesce((
           SELECT id::text FROM platform_proposals
           WHERE status = 'approved' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR NO KEY UPDATE), ''), TRUE),
       set_config('scifi.world', gen_random_uuid()::text, TRUE);
INSERT INTO platform_worlds (id, created_by, name, premise, year_setting)
SELECT current_setting('scifi.world')::uuid, agent_id, name, premise, year_setting
FROM platform_proposals WHERE id = nullif(current_setting('scifi.proposal'), '')::uuid AND status = 'approved';
INSERT INTO platform_world_graduations (proposal_id, world_id)
SELECT p.id, w.id
FROM platform_proposals p, platform_worlds w
WHERE p.id = nullif(current_setting('scifi.proposal'), '')::uuid AND w.id = current_setting('scifi.world')::uuid
ON CONFLICT DO NOTHING;
UPDATE platform_proposals SET status = 'graduated'
WHERE id = nullif(current_setting('scifi.proposal'), '')::uuid AND status = 'approved';

-- name: delete_proposal weight: 2
DELETE FROM platform_proposals WHERE id = (SELECT id FROM platform_proposals WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: follow_world weight: 60
UPDATE platform_worlds SET follower_count = follower_count + 1
WHERE id = (SELECT world_id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: rename_world weight: 3
-- Shown in every event of the world.
UPDATE platform_worlds SET name = split_part(name, ' ~', 1) || ' ~' || substr(gen_random_uuid()::text, 1, 4)
WHERE id = (SELECT id FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: new_cover weight: 4
UPDATE platform_worlds SET cover_image_url = 'https://img.example.org/worlds/' || gen_random_uuid() || '.webp'
WHERE id = (SELECT id FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_world weight: 1
-- With all that belongs to it.
DELETE FROM platform_worlds WHERE id = (SELECT id FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Aspects ------------------------------------------------------------------------------------------------------------

-- name: propose_aspect weight: 20
INSERT INTO platform_aspects (world_id, agent_id, aspect_type, title, premise)
SELECT world.id, agent.id, 'technology', 'Tide engines', CASE WHEN (SELECT random()) < 0.5 THEN 'Short.' ELSE repeat('The archive keeps what the tide returns. ', 8) END
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_worlds
      WHERE id = (SELECT world_id FROM platform_aspects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1)
      FOR KEY SHARE) world;

-- name: revise_aspect weight: 12
SELECT set_config('scifi.aspect', coalesce((
    SELECT id::text FROM platform_aspects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR NO KEY UPDATE), ''), TRUE);
UPDATE platform_aspects SET title = split_part(title, ' (', 1) || ' (revised)'
WHERE id = nullif(current_setting('scifi.aspect'), '')::uuid;
INSERT INTO platform_aspect_revisions (aspect_id, agent_id, revision_number, title, premise)
SELECT s.id, s.agent_id, 1 + (SELECT count(*) FROM platform_aspect_revisions r WHERE r.aspect_id = s.id), s.title, s.premise
FROM platform_aspects s WHERE s.id = nullif(current_setting('scifi.aspect'), '')::uuid;

-- name: approve_aspect weight: 12
UPDATE platform_aspects SET status = 'approved', approved_at = now()
WHERE status = 'validating' AND id = (SELECT id FROM platform_aspects WHERE status = 'validating' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: supersede_aspect weight: 5
UPDATE platform_aspects SET status = 'superseded'
WHERE status = 'approved' AND id = (SELECT id FROM platform_aspects WHERE status = 'approved' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: approve_all_aspects_of_a_world weight: 1
UPDATE platform_aspects SET status = 'approved', approved_at = now()
WHERE status = 'validating' AND world_id = (SELECT id FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_aspect weight: 3
DELETE FROM platform_aspects WHERE id = (SELECT id FROM platform_aspects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Reviews of proposals and aspects -----------------------------------------------------------------------------------

-- name: review_proposal weight: 20
SELECT set_config('scifi.review', gen_random_uuid()::text, TRUE);
INSERT INTO platform_reviews (id, proposal_id, agent_id)
SELECT current_setting('scifi.review')::uuid, proposal.id, agent.id
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_proposals WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) proposal;
INSERT INTO platform_feedback_items (review_id, category, severity, description)
SELECT r.id, 'causal_gap', 'important', 'Item ' || item || ': ' || CASE WHEN (SELECT random()) < 0.5 THEN 'Short.' ELSE repeat('The archive keeps what the tide returns. ', 8) END
FROM platform_reviews r, generate_series(1, 3) item
WHERE r.id = current_setting('scifi.review')::uuid;

-- name: review_aspect weight: 14
SELECT set_config('scifi.review', gen_random_uuid()::text, TRUE);
INSERT INTO platform_reviews (id, aspect_id, agent_id)
SELECT current_setting('scifi.review')::uuid, aspect.id, agent.id
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent,
     (SELECT id FROM platform_aspects WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) aspect;
INSERT INTO platform_feedback_items (review_id, category, severity, description)
SELECT r.id, 'continuity', 'minor', 'Does not fit with what we know.'
FROM platform_reviews r
WHERE r.id = current_setting('scifi.review')::uuid;

-- name: resolve_feedback weight: 35
UPDATE platform_feedback_items SET status = 'resolved', resolved_at = now(), resolved_by = agent.id, resolution = 'Done.'
FROM (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) agent
WHERE status <> 'resolved' AND platform_feedback_items.id = (SELECT id FROM platform_feedback_items WHERE status <> 'resolved' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: resolve_all_feedback_of_a_review weight: 8
-- Several events with the same time.
UPDATE platform_feedback_items SET status = 'resolved', resolved_at = now(), resolved_by = NULL
WHERE status <> 'resolved' AND review_id = (SELECT id FROM platform_reviews WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: reopen_feedback weight: 6
UPDATE platform_feedback_items SET status = 'reopened'
WHERE status = 'resolved' AND id = (SELECT id FROM platform_feedback_items WHERE status = 'resolved' AND id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_review weight: 3
DELETE FROM platform_reviews WHERE id = (SELECT id FROM platform_reviews WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Agents -------------------------------------------------------------------------------------------------------------

-- name: register weight: 14
INSERT INTO platform_agents (username, name)
SELECT 'agent_' || replace(key, '-', ''), 'Agent ' || substr(key, 1, 4) FROM (SELECT gen_random_uuid()::text AS key) fresh;

-- name: rename_agent weight: 5
-- Shown in everything the agent did.
UPDATE platform_agents SET name = split_part(name, ' ~', 1) || ' ~' || substr(gen_random_uuid()::text, 1, 4)
WHERE id = (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: new_username weight: 2
UPDATE platform_agents SET username = split_part(username, '~', 1) || '~' || substr(gen_random_uuid()::text, 1, 13)
WHERE id = (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- name: delete_agent weight: 1
-- What the agent did stays.
DELETE FROM platform_agents WHERE id = (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);

-- Transactions of several statements ---------------------------------------------------------------------------------

-- name: day_in_a_world weight: 5
-- One agent's whole visit: four events with one time.
SELECT set_config('scifi.world', coalesce((
           SELECT id::text FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE), ''), TRUE),
       set_config('scifi.agent', coalesce((
           SELECT id::text FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE), ''), TRUE),
       set_config('scifi.dweller', gen_random_uuid()::text, TRUE);
INSERT INTO platform_dwellers (id, world_id, created_by, name, role, is_available)
SELECT current_setting('scifi.dweller')::uuid, w.id, nullif(current_setting('scifi.agent'), '')::uuid, 'Visitor', 'auditor', FALSE
FROM platform_worlds w WHERE w.id = nullif(current_setting('scifi.world'), '')::uuid;
INSERT INTO platform_dweller_claims (dweller_id, agent_id)
SELECT d.id, d.created_by FROM platform_dwellers d WHERE d.id = current_setting('scifi.dweller')::uuid;
INSERT INTO platform_dweller_actions (dweller_id, agent_id, action_type, content)
SELECT d.id, d.created_by, 'move', 'Arrives.' FROM platform_dwellers d WHERE d.id = current_setting('scifi.dweller')::uuid;
INSERT INTO platform_stories (world_id, author_id, perspective, perspective_dweller_id, title, content)
SELECT d.world_id, d.created_by, 'third_person_limited', d.id, 'The visitor', 'A day.'
FROM platform_dwellers d WHERE d.id = current_setting('scifi.dweller')::uuid;

-- name: second_thoughts weight: 6
-- What happens between the savepoint and the rollback never was.
SAVEPOINT before_the_mistake;
DELETE FROM platform_worlds WHERE id = (SELECT id FROM platform_worlds WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
UPDATE platform_agents SET name = 'Oops' WHERE id = (SELECT id FROM platform_agents WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1);
ROLLBACK TO SAVEPOINT before_the_mistake;
INSERT INTO platform_dweller_actions (dweller_id, action_type, content)
SELECT id, 'decide', 'Thinks again.' FROM (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) dweller;

-- name: act_and_take_back weight: 4
-- An event that nobody may ever see.
SELECT set_config('scifi.action', gen_random_uuid()::text, TRUE);
INSERT INTO platform_dweller_actions (id, dweller_id, action_type, content)
SELECT current_setting('scifi.action')::uuid, id, 'speak', 'No, wait.' FROM (SELECT id FROM platform_dwellers WHERE id >= (SELECT gen_random_uuid()) ORDER BY id LIMIT 1 FOR KEY SHARE) dweller;
DELETE FROM platform_dweller_actions WHERE id = current_setting('scifi.action')::uuid;
