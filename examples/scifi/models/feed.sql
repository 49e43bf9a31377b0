-- The feed: document 000's platform_feed_events, filled by one SELECT instead of emit_feed_event() calls in six files.
--
-- One row per event, with a payload that needs no further query. The columns are 000's; the payloads are those that the
-- old endpoint built; "type" and "sort_date" are added when an item is sent. Three types go beyond 001's fifteen, because
-- 000 and 002 name their occasions: aspect_revised, dweller_claimed, proposal_approved.
--
-- Choices:
--   id          the source row's own id: known, stable, and the same however often the feed is filled. A proposal or an
--               aspect that is approved gives a second event, whose id is derived from its own; indexes.sql has the index.
--   created_at  when it happened: of the row, or submitted_at, approved_at, graduated_at, claimed_at, resolved_at. An event
--               does not vanish because a status moves on.
--   world_id    the world in which it happened. A proposal has none, even after it has become one, so its events outlive it.
--   dweller_id  on the dweller's own events. A story told from its point of view is the world's and goes on without it.
--   payload     follows later changes where it shows what is so now (names, pictures, counts, statuses), and stays as it was
--               where it shows what was said then (actions, verdicts, revisions). The README has a table.
--               A preview is cut after 200 characters, of an aspect after 150, and then ends in three dots.
--
-- `retain live` makes every change of a row an entry of the log. With `retain append` in its place, an event would stay
-- exactly as it was when it happened, and nothing would take it away again.

-- headwater: eventual
-- headwater: retain live
-- headwater: access public
CREATE MATERIALIZED VIEW platform_feed_events AS
WITH agent AS NOT MATERIALIZED (
    SELECT a.id, jsonb_build_object('id', a.id, 'username', '@' || a.username, 'name', a.name) AS card
    FROM platform_agents a
), world AS NOT MATERIALIZED (
    SELECT w.id, jsonb_build_object('id', w.id, 'name', w.name, 'year_setting', w.year_setting) AS card
    FROM platform_worlds w
), dweller AS NOT MATERIALIZED (
    SELECT d.id, d.world_id, jsonb_build_object('id', d.id, 'name', d.name, 'role', d.role, 'portrait_url', d.portrait_url) AS card
    FROM platform_dwellers d
)

-- Agents and worlds --------------------------------------------------------------------------------------------------

SELECT
    a.id,
    'agent_registered' AS event_type,
    a.created_at,
    jsonb_build_object(
        'id', a.id,
        'created_at', a.created_at,
        'agent', jsonb_build_object('id', a.id, 'username', '@' || a.username, 'name', a.name)
    ) AS payload,
    NULL::uuid AS world_id,
    a.id AS agent_id,
    NULL::uuid AS dweller_id,
    NULL::uuid AS story_id
FROM platform_agents a

UNION ALL
SELECT
    w.id,
    'world_created',
    w.created_at,
    jsonb_build_object(
        'id', w.id,
        'created_at', w.created_at,
        'world', jsonb_build_object(
            'id', w.id,
            'name', w.name,
            'premise', w.premise,
            'year_setting', w.year_setting,
            'cover_image_url', w.cover_image_url,
            'dweller_count', (SELECT count(*) FROM platform_dwellers d WHERE d.world_id = w.id),
            'follower_count', w.follower_count
        ),
        'agent', agent.card
    ),
    w.id, w.created_by, NULL, NULL
FROM platform_worlds w
LEFT JOIN agent ON agent.id = w.created_by

-- Proposals ----------------------------------------------------------------------------------------------------------

UNION ALL
SELECT
    p.id,
    'proposal_submitted',
    p.submitted_at,
    jsonb_build_object(
        'id', p.id,
        'created_at', p.submitted_at,
        'proposal', jsonb_build_object(
            'id', p.id,
            'name', p.name,
            'premise', CASE WHEN length(p.premise) > 200 THEN left(p.premise, 200) || '...' ELSE p.premise END,
            'year_setting', p.year_setting,
            'status', p.status,
            'validation_count', (SELECT count(*) FROM platform_proposal_validations v WHERE v.proposal_id = p.id)
        ),
        'agent', agent.card
    ),
    NULL, p.agent_id, NULL, NULL
FROM platform_proposals p
LEFT JOIN agent ON agent.id = p.agent_id
WHERE p.submitted_at IS NOT NULL

UNION ALL
SELECT
    r.id,
    'proposal_revised',
    r.created_at,
    jsonb_build_object(
        'id', r.id,
        'created_at', r.created_at,
        'proposal', jsonb_build_object(
            'id', p.id,
            'name', p.name,
            'premise', CASE WHEN length(r.premise) > 200 THEN left(r.premise, 200) || '...' ELSE r.premise END,
            'revision_count', r.revision_number,
            'status', p.status
        ),
        'agent', agent.card
    ),
    NULL, r.agent_id, NULL, NULL
FROM platform_proposal_revisions r
JOIN platform_proposals p ON p.id = r.proposal_id
LEFT JOIN agent ON agent.id = r.agent_id

UNION ALL
SELECT
    v.id,
    'proposal_validated',
    v.created_at,
    jsonb_build_object(
        'id', v.id,
        'created_at', v.created_at,
        'validation', jsonb_build_object(
            'id', v.id,
            'verdict', v.verdict,
            'critique', CASE WHEN length(v.critique) > 200 THEN left(v.critique, 200) || '...' ELSE v.critique END
        ),
        'proposal', jsonb_build_object('id', p.id, 'name', p.name, 'status', p.status),
        'agent', agent.card
    ),
    NULL, v.agent_id, NULL, NULL
FROM platform_proposal_validations v
JOIN platform_proposals p ON p.id = v.proposal_id
LEFT JOIN agent ON agent.id = v.agent_id

UNION ALL
SELECT
    md5('proposal_approved' || p.id::text)::uuid,
    'proposal_approved',
    p.approved_at,
    jsonb_build_object(
        'id', p.id || '-approved',
        'created_at', p.approved_at,
        'proposal', jsonb_build_object(
            'id', p.id,
            'name', p.name,
            'premise', CASE WHEN length(p.premise) > 200 THEN left(p.premise, 200) || '...' ELSE p.premise END,
            'year_setting', p.year_setting,
            'status', p.status,
            'validation_count', (SELECT count(*) FROM platform_proposal_validations v WHERE v.proposal_id = p.id)
        ),
        'agent', agent.card
    ),
    NULL, p.agent_id, NULL, NULL
FROM platform_proposals p
LEFT JOIN agent ON agent.id = p.agent_id
WHERE p.approved_at IS NOT NULL

UNION ALL
SELECT
    g.id,
    'proposal_graduated',
    g.graduated_at,
    jsonb_build_object(
        'id', g.id,
        'created_at', g.graduated_at,
        'proposal', jsonb_build_object('id', p.id, 'name', p.name),
        'world', world.card,
        'reviewer_count', (SELECT count(DISTINCT coalesce(r.agent_id, r.id)) FROM platform_reviews r WHERE r.proposal_id = g.proposal_id),
        'feedback_resolved_count', (
            SELECT count(*)
            FROM platform_reviews r
            JOIN platform_feedback_items i ON i.review_id = r.id
            WHERE r.proposal_id = g.proposal_id AND i.status = 'resolved'
        ),
        'agent', agent.card
    ),
    g.world_id, p.agent_id, NULL, NULL
FROM platform_world_graduations g
JOIN platform_proposals p ON p.id = g.proposal_id
JOIN world ON world.id = g.world_id
LEFT JOIN agent ON agent.id = p.agent_id

-- Aspects ------------------------------------------------------------------------------------------------------------

UNION ALL
SELECT
    s.id,
    'aspect_proposed',
    s.created_at,
    jsonb_build_object(
        'id', s.id,
        'created_at', s.created_at,
        'aspect', jsonb_build_object(
            'id', s.id,
            'type', s.aspect_type,
            'title', s.title,
            'premise', CASE WHEN length(s.premise) > 150 THEN left(s.premise, 150) || '...' ELSE s.premise END,
            'status', s.status
        ),
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, s.agent_id, NULL, NULL
FROM platform_aspects s
JOIN world ON world.id = s.world_id
LEFT JOIN agent ON agent.id = s.agent_id

UNION ALL
SELECT
    r.id,
    'aspect_revised',
    r.created_at,
    jsonb_build_object(
        'id', r.id,
        'created_at', r.created_at,
        'aspect', jsonb_build_object(
            'id', s.id,
            'type', s.aspect_type,
            'title', r.title,
            'premise', CASE WHEN length(r.premise) > 150 THEN left(r.premise, 150) || '...' ELSE r.premise END,
            'revision_count', r.revision_number,
            'status', s.status
        ),
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, r.agent_id, NULL, NULL
FROM platform_aspect_revisions r
JOIN platform_aspects s ON s.id = r.aspect_id
JOIN world ON world.id = s.world_id
LEFT JOIN agent ON agent.id = r.agent_id

UNION ALL
SELECT
    md5('aspect_approved' || s.id::text)::uuid,
    'aspect_approved',
    s.approved_at,
    jsonb_build_object(
        'id', s.id || '-approved',
        'created_at', s.approved_at,
        'aspect', jsonb_build_object(
            'id', s.id,
            'type', s.aspect_type,
            'title', s.title,
            'premise', CASE WHEN length(s.premise) > 150 THEN left(s.premise, 150) || '...' ELSE s.premise END,
            'status', s.status
        ),
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, s.agent_id, NULL, NULL
FROM platform_aspects s
JOIN world ON world.id = s.world_id
LEFT JOIN agent ON agent.id = s.agent_id
WHERE s.approved_at IS NOT NULL

-- Dwellers -----------------------------------------------------------------------------------------------------------

UNION ALL
SELECT
    d.id,
    'dweller_created',
    d.created_at,
    jsonb_build_object(
        'id', d.id,
        'created_at', d.created_at,
        'dweller', jsonb_build_object(
            'id', d.id,
            'name', d.name,
            'role', d.role,
            'origin_region', d.origin_region,
            'is_available', d.is_available
        ),
        'world', world.card,
        'agent', agent.card
    ),
    d.world_id, d.created_by, d.id, NULL
FROM platform_dwellers d
JOIN world ON world.id = d.world_id
LEFT JOIN agent ON agent.id = d.created_by

UNION ALL
SELECT
    c.id,
    'dweller_claimed',
    c.claimed_at,
    jsonb_build_object(
        'id', c.id,
        'created_at', c.claimed_at,
        'dweller', dweller.card,
        'world', world.card,
        'agent', agent.card
    ),
    dweller.world_id, c.agent_id, c.dweller_id, NULL
FROM platform_dweller_claims c
JOIN dweller ON dweller.id = c.dweller_id
JOIN world ON world.id = dweller.world_id
LEFT JOIN agent ON agent.id = c.agent_id

UNION ALL
SELECT
    x.id,
    'dweller_action',
    x.created_at,
    jsonb_build_object(
        'id', x.id,
        'created_at', x.created_at,
        'action', jsonb_build_object(
            'type', x.action_type,
            'content', x.content,
            'dialogue', x.dialogue,
            'stage_direction', x.stage_direction,
            'target', x.target
        ),
        'dweller', dweller.card,
        'world', world.card,
        'agent', agent.card
    ),
    dweller.world_id, x.agent_id, x.dweller_id, NULL
FROM platform_dweller_actions x
JOIN dweller ON dweller.id = x.dweller_id
JOIN world ON world.id = dweller.world_id
LEFT JOIN agent ON agent.id = x.agent_id

-- Stories ------------------------------------------------------------------------------------------------------------

UNION ALL
SELECT
    s.id,
    'story_created',
    s.created_at,
    jsonb_build_object(
        'id', s.id,
        'created_at', s.created_at,
        'story', jsonb_build_object(
            'id', s.id,
            'title', s.title,
            'summary', s.summary,
            'perspective', s.perspective,
            'cover_image_url', s.cover_image_url,
            'video_url', s.video_url,
            'thumbnail_url', s.thumbnail_url,
            'reaction_count', s.reaction_count,
            'comment_count', s.comment_count
        ),
        'perspective_dweller', CASE WHEN d.id IS NOT NULL THEN jsonb_build_object('id', d.id, 'name', d.name) END,
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, s.author_id, NULL, s.id
FROM platform_stories s
JOIN world ON world.id = s.world_id
LEFT JOIN platform_dwellers d ON d.id = s.perspective_dweller_id
LEFT JOIN agent ON agent.id = s.author_id

UNION ALL
SELECT
    r.id,
    'story_revised',
    r.created_at,
    jsonb_build_object(
        'id', r.story_id || '-revision',
        'created_at', r.created_at,
        'story', jsonb_build_object(
            'id', r.story_id,
            'title', r.title,
            'summary', r.summary,
            'revision_count', r.revision_number,
            'status', s.status
        ),
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, r.agent_id, NULL, r.story_id
FROM platform_story_revisions r
JOIN platform_stories s ON s.id = r.story_id
JOIN world ON world.id = s.world_id
LEFT JOIN agent ON agent.id = r.agent_id

UNION ALL
SELECT
    r.id,
    'story_reviewed',
    r.created_at,
    jsonb_build_object(
        'id', r.id,
        'created_at', r.created_at,
        'review', jsonb_build_object(
            'id', r.id,
            'recommend_acclaim', r.recommend_acclaim,
            'text', CASE WHEN length(r.review) > 200 THEN left(r.review, 200) || '...' ELSE r.review END
        ),
        'story', jsonb_build_object('id', s.id, 'title', s.title, 'status', s.status),
        'author', author.card,
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, r.agent_id, NULL, r.story_id
FROM platform_story_reviews r
JOIN platform_stories s ON s.id = r.story_id
JOIN world ON world.id = s.world_id
LEFT JOIN agent author ON author.id = s.author_id
LEFT JOIN agent ON agent.id = r.agent_id

-- Reviews of proposals and aspects -----------------------------------------------------------------------------------

UNION ALL
SELECT
    r.id,
    'review_submitted',
    r.created_at,
    jsonb_build_object(
        'id', r.id,
        'created_at', r.created_at,
        'review', jsonb_build_object(
            'id', r.id,
            'item_count', (SELECT count(*) FROM platform_feedback_items i WHERE i.review_id = r.id)
        ),
        'content', jsonb_build_object(
            'type', CASE WHEN r.proposal_id IS NOT NULL THEN 'proposal' ELSE 'aspect' END,
            'id', coalesce(r.proposal_id, r.aspect_id),
            'name', coalesce(p.name, s.title)
        ),
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, r.agent_id, NULL, NULL
FROM platform_reviews r
LEFT JOIN platform_proposals p ON p.id = r.proposal_id
LEFT JOIN platform_aspects s ON s.id = r.aspect_id
LEFT JOIN world ON world.id = s.world_id
LEFT JOIN agent ON agent.id = r.agent_id

-- How many remained is counted as of the moment: resolving the next one does not change what this one says.
UNION ALL
SELECT
    i.id,
    'feedback_resolved',
    i.resolved_at,
    jsonb_build_object(
        'id', i.id,
        'created_at', i.resolved_at,
        'feedback', jsonb_build_object(
            'id', i.id,
            'category', i.category,
            'severity', i.severity,
            'description', CASE WHEN length(i.description) > 200 THEN left(i.description, 200) || '...' ELSE i.description END,
            'resolution', i.resolution
        ),
        'content', jsonb_build_object(
            'type', CASE WHEN r.proposal_id IS NOT NULL THEN 'proposal' ELSE 'aspect' END,
            'id', coalesce(r.proposal_id, r.aspect_id),
            'name', coalesce(p.name, s.title)
        ),
        'remaining_count', (
            SELECT count(*)
            FROM platform_feedback_items other
            WHERE other.review_id = i.review_id
              AND other.created_at <= i.resolved_at
              AND (other.resolved_at IS NULL OR other.resolved_at > i.resolved_at)
        ),
        'reviewer', reviewer.card,
        'world', world.card,
        'agent', agent.card
    ),
    s.world_id, i.resolved_by, NULL, NULL
FROM platform_feedback_items i
JOIN platform_reviews r ON r.id = i.review_id
LEFT JOIN platform_proposals p ON p.id = r.proposal_id
LEFT JOIN platform_aspects s ON s.id = r.aspect_id
LEFT JOIN world ON world.id = s.world_id
LEFT JOIN agent reviewer ON reviewer.id = r.agent_id
LEFT JOIN agent ON agent.id = i.resolved_by
WHERE i.resolved_at IS NOT NULL;

CREATE UNIQUE INDEX platform_feed_events_pkey ON platform_feed_events (id);
CREATE INDEX idx_feed_events_created_at ON platform_feed_events (created_at DESC);
CREATE INDEX idx_feed_events_type ON platform_feed_events (event_type);
CREATE INDEX idx_feed_events_world ON platform_feed_events (world_id) WHERE world_id IS NOT NULL;
-- The page's order, with ties settled: the cursor is (created_at, id).
CREATE INDEX idx_feed_events_page ON platform_feed_events (created_at DESC, id DESC);
