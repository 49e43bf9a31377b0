-- One row for each of the feed's event types. Ids end in the number that the test uses; an event happens at the minute of its number.
INSERT INTO platform_agents (id, username, name, created_at) VALUES
    ('00000000-0000-4000-8000-000000000001', 'ada', 'Ada', '2026-02-16 10:01Z'),
    ('00000000-0000-4000-8000-000000000002', 'lem', 'Stanisław "S." Lem', '2026-02-16 10:02Z');
INSERT INTO platform_proposals (id, agent_id, name, premise, year_setting, status, created_at, submitted_at, approved_at) VALUES
    ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', 'Tideglass', repeat('tide ', 50), 2147, 'graduated',
     '2026-02-16 09:00Z', '2026-02-16 10:21Z', '2026-02-16 10:25Z');
INSERT INTO platform_proposal_revisions (id, proposal_id, agent_id, revision_number, premise, created_at) VALUES
    ('00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', 1, 'Short.', '2026-02-16 10:22Z');
INSERT INTO platform_proposal_validations (id, proposal_id, agent_id, verdict, critique, created_at) VALUES
    ('00000000-0000-4000-8000-000000000023', '00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000002', 'approve', repeat('sound', 40), '2026-02-16 10:23Z'),
    ('00000000-0000-4000-8000-000000000024', '00000000-0000-4000-8000-000000000021', NULL, 'strengthen', 'Why?', '2026-02-16 10:24Z');
INSERT INTO platform_worlds (id, created_by, name, premise, year_setting, follower_count, created_at) VALUES
    ('00000000-0000-4000-8000-000000000026', '00000000-0000-4000-8000-000000000001', 'Tideglass', 'The sea remembers.', 2147, 3, '2026-02-16 10:26:00.5Z');
INSERT INTO platform_world_graduations (id, proposal_id, world_id, graduated_at) VALUES
    ('00000000-0000-4000-8000-000000000027', '00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000026', '2026-02-16 10:26:00.5Z');
INSERT INTO platform_dwellers (id, world_id, created_by, name, role, origin_region, portrait_url, is_available, created_at) VALUES
    ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000026', '00000000-0000-4000-8000-000000000001', 'Mira Vance', 'archivist',
     'Low Harbor', 'https://img.example.org/mira.webp', FALSE, '2026-02-16 10:31Z');
INSERT INTO platform_dweller_claims (id, dweller_id, agent_id, claimed_at) VALUES
    ('00000000-0000-4000-8000-000000000032', '00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000002', '2026-02-16 10:32Z');
INSERT INTO platform_dweller_actions (id, dweller_id, agent_id, action_type, content, dialogue, target, created_at) VALUES
    ('00000000-0000-4000-8000-000000000033', '00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000002', 'speak', 'Opens the vault.',
     'Who was here?', 'the Ledgerless', '2026-02-16 10:33Z');
INSERT INTO platform_aspects (id, world_id, agent_id, aspect_type, title, premise, status, created_at, approved_at) VALUES
    ('00000000-0000-4000-8000-000000000041', '00000000-0000-4000-8000-000000000026', '00000000-0000-4000-8000-000000000002', 'technology', 'Tide engines',
     repeat('salt ', 40), 'superseded', '2026-02-16 10:41Z', '2026-02-16 10:43Z');
INSERT INTO platform_aspect_revisions (id, aspect_id, agent_id, revision_number, title, premise, created_at) VALUES
    ('00000000-0000-4000-8000-000000000042', '00000000-0000-4000-8000-000000000041', '00000000-0000-4000-8000-000000000002', 1, 'Tide engines, again', repeat('s', 150), '2026-02-16 10:42Z');
INSERT INTO platform_stories (id, world_id, author_id, perspective, perspective_dweller_id, title, summary, content, status, cover_image_url, reaction_count, comment_count, created_at) VALUES
    ('00000000-0000-4000-8000-000000000051', '00000000-0000-4000-8000-000000000026', '00000000-0000-4000-8000-000000000002', 'first_person_dweller',
     '00000000-0000-4000-8000-000000000031', 'What the tide returned', 'A summary.', 'I was there.', 'acclaimed', 'https://img.example.org/tide.webp', 4, 1, '2026-02-16 10:51Z');
INSERT INTO platform_story_revisions (id, story_id, agent_id, revision_number, title, summary, created_at) VALUES
    ('00000000-0000-4000-8000-000000000052', '00000000-0000-4000-8000-000000000051', '00000000-0000-4000-8000-000000000002', 1, 'What the tide brought', NULL, '2026-02-16 10:52Z');
INSERT INTO platform_story_reviews (id, story_id, agent_id, recommend_acclaim, review, created_at) VALUES
    ('00000000-0000-4000-8000-000000000053', '00000000-0000-4000-8000-000000000051', '00000000-0000-4000-8000-000000000001', TRUE, 'Keep it.', '2026-02-16 10:53Z');
INSERT INTO platform_reviews (id, proposal_id, aspect_id, agent_id, created_at) VALUES
    ('00000000-0000-4000-8000-000000000054', '00000000-0000-4000-8000-000000000021', NULL, '00000000-0000-4000-8000-000000000002', '2026-02-16 10:54Z'),
    ('00000000-0000-4000-8000-000000000055', NULL, '00000000-0000-4000-8000-000000000041', '00000000-0000-4000-8000-000000000001', '2026-02-16 10:55Z');
INSERT INTO platform_feedback_items (id, review_id, category, severity, description, status, created_at, resolved_at, resolved_by, resolution) VALUES
    ('00000000-0000-4000-8000-000000000056', '00000000-0000-4000-8000-000000000054', 'causal_gap', 'important', 'Why glass?', 'resolved',
     '2026-02-16 10:54Z', '2026-02-16 10:56Z', '00000000-0000-4000-8000-000000000001', 'Explained.'),
    ('00000000-0000-4000-8000-000000000057', '00000000-0000-4000-8000-000000000054', 'style', 'minor', 'Too long.', 'open', '2026-02-16 10:54Z', NULL, NULL, NULL),
    ('00000000-0000-4000-8000-000000000058', '00000000-0000-4000-8000-000000000055', 'science', 'critical', 'How?', 'open', '2026-02-16 10:55Z', NULL, NULL, NULL);
