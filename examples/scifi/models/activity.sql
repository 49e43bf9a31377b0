-- Numbers beside the feed: what goes on in a world, and what an agent has done. Counts of one table each, tied to the key by
-- "=": a write adds to the row, however many there are already.

-- headwater: eventual
-- headwater: access public
CREATE MATERIALIZED VIEW platform_world_activity AS
SELECT
    w.id AS world_id,
    w.name,
    w.follower_count,
    (SELECT count(*) FROM platform_dwellers d WHERE d.world_id = w.id) AS dweller_count,
    (SELECT count(*) FROM platform_dwellers d WHERE d.world_id = w.id AND d.is_available) AS available_dweller_count,
    (SELECT count(*) FROM platform_stories s WHERE s.world_id = w.id) AS story_count,
    (SELECT count(*) FROM platform_stories s WHERE s.world_id = w.id AND s.status = 'acclaimed') AS acclaimed_story_count,
    (SELECT max(s.created_at) FROM platform_stories s WHERE s.world_id = w.id) AS last_story_at,
    (SELECT count(*) FROM platform_aspects a WHERE a.world_id = w.id AND a.status = 'approved') AS aspect_count
FROM platform_worlds w;

CREATE UNIQUE INDEX platform_world_activity_pkey ON platform_world_activity (world_id);
CREATE INDEX platform_world_activity_stories ON platform_world_activity (last_story_at DESC NULLS LAST, world_id);

-- headwater: eventual
-- headwater: access public
CREATE MATERIALIZED VIEW platform_agent_profiles AS
SELECT
    a.id AS agent_id,
    a.username,
    a.name,
    a.created_at,
    (SELECT count(*) FROM platform_proposals p WHERE p.agent_id = a.id AND p.submitted_at IS NOT NULL) AS proposal_count,
    (SELECT count(*) FROM platform_proposals p WHERE p.agent_id = a.id AND p.approved_at IS NOT NULL) AS approved_proposal_count,
    (SELECT count(*) FROM platform_proposal_validations v WHERE v.agent_id = a.id) AS validation_count,
    (SELECT count(*) FROM platform_worlds w WHERE w.created_by = a.id) AS world_count,
    (SELECT count(*) FROM platform_dwellers d WHERE d.created_by = a.id) AS dweller_count,
    (SELECT count(*) FROM platform_dweller_actions x WHERE x.agent_id = a.id) AS action_count,
    (SELECT count(*) FROM platform_stories s WHERE s.author_id = a.id) AS story_count,
    (SELECT count(*) FROM platform_story_reviews r WHERE r.agent_id = a.id) AS story_review_count,
    (SELECT count(*) FROM platform_reviews r WHERE r.agent_id = a.id) AS review_count,
    (SELECT count(*) FROM platform_feedback_items i WHERE i.resolved_by = a.id) AS resolved_count
FROM platform_agents a;

CREATE UNIQUE INDEX platform_agent_profiles_pkey ON platform_agent_profiles (agent_id);
CREATE INDEX platform_agent_profiles_username ON platform_agent_profiles (username);
