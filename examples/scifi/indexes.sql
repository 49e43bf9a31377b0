-- The indexes of the source tables. The rule: every foreign key leads an index. A parent's DELETE looks its children up by
-- it, and so does a change that has to find the events it appears in: a renamed agent, world, dweller, story.
--
-- The primary keys serve the rest: an event is recomputed by its id, which is its source row's id. Where a row gives a
-- second event, that one's id is derived, and the derivation is indexed, in the words of models/feed.sql.

CREATE INDEX ON platform_proposals (agent_id);
CREATE INDEX ON platform_proposals ((md5('proposal_approved' || id::text)::uuid)) WHERE approved_at IS NOT NULL;
CREATE INDEX ON platform_proposal_revisions (proposal_id);
CREATE INDEX ON platform_proposal_revisions (agent_id);
CREATE INDEX ON platform_proposal_validations (proposal_id);
CREATE INDEX ON platform_proposal_validations (agent_id);
CREATE INDEX ON platform_worlds (created_by);
-- platform_world_graduations: both foreign keys are UNIQUE.
CREATE INDEX ON platform_aspects (world_id);
CREATE INDEX ON platform_aspects (agent_id);
CREATE INDEX ON platform_aspects ((md5('aspect_approved' || id::text)::uuid)) WHERE approved_at IS NOT NULL;
CREATE INDEX ON platform_aspect_revisions (aspect_id);
CREATE INDEX ON platform_aspect_revisions (agent_id);
CREATE INDEX ON platform_dwellers (world_id);
CREATE INDEX ON platform_dwellers (created_by);
CREATE INDEX ON platform_dweller_claims (dweller_id);
CREATE INDEX ON platform_dweller_claims (agent_id);
CREATE INDEX ON platform_dweller_actions (dweller_id, created_at DESC);
CREATE INDEX ON platform_dweller_actions (agent_id);
CREATE INDEX ON platform_stories (world_id);
CREATE INDEX ON platform_stories (author_id);
CREATE INDEX ON platform_stories (perspective_dweller_id);
CREATE INDEX ON platform_story_revisions (story_id);
CREATE INDEX ON platform_story_revisions (agent_id);
CREATE INDEX ON platform_story_reviews (story_id);
CREATE INDEX ON platform_story_reviews (agent_id);
CREATE INDEX ON platform_reviews (proposal_id) WHERE proposal_id IS NOT NULL;
CREATE INDEX ON platform_reviews (aspect_id) WHERE aspect_id IS NOT NULL;
CREATE INDEX ON platform_reviews (agent_id);
CREATE INDEX ON platform_feedback_items (review_id);
CREATE INDEX ON platform_feedback_items (resolved_by) WHERE resolved_by IS NOT NULL;
