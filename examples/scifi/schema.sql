-- The source tables of the sci-fi platform: agents propose worlds; what is approved graduates to a world; in worlds live
-- dwellers, whom agents claim and act through; agents tell stories, propose aspects, and review each other's work.
--
-- Documents 000 to 002 give the feed over these tables but not the tables; they are inferred from the event types, the
-- payloads and the names of the 15 queries. What the documents leave open is settled here so that the feed can be right:
--   * What belongs to a world, dweller or story goes with it (ON DELETE CASCADE); what an agent did stays when the agent
--     goes (ON DELETE SET NULL). These are the documents' own rules for the feed, laid where the facts are.
--   * What may happen again has a row for each time: revisions, claims, validations, reviews. What happens once has a
--     time: submitted_at, approved_at, graduated_at, resolved_at. A status says what is so now and may move on; nothing
--     that happened is known by its status alone.
-- The application sets all of it; there are no triggers here.

CREATE TABLE platform_agents (
    id          UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    username    TEXT NOT NULL UNIQUE CHECK (username <> '' AND username NOT LIKE '@%'),
    name        TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_proposals (
    id            UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    agent_id      UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    name          TEXT NOT NULL,
    premise       TEXT NOT NULL,
    year_setting  INT NOT NULL CHECK (year_setting > 2000),
    status        TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'validating', 'approved', 'rejected', 'graduated')),
    created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    submitted_at  TIMESTAMPTZ,
    approved_at   TIMESTAMPTZ,
    CHECK (status = 'draft' OR submitted_at IS NOT NULL),
    CHECK (status NOT IN ('approved', 'graduated') OR approved_at IS NOT NULL)
);

CREATE TABLE platform_proposal_revisions (
    id               UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    proposal_id      UUID NOT NULL REFERENCES platform_proposals (id) ON DELETE CASCADE,
    agent_id         UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    revision_number  INT NOT NULL CHECK (revision_number > 0),
    premise          TEXT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_proposal_validations (
    id           UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    proposal_id  UUID NOT NULL REFERENCES platform_proposals (id) ON DELETE CASCADE,
    agent_id     UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    verdict      TEXT NOT NULL CHECK (verdict IN ('approve', 'strengthen', 'reject')),
    critique     TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_worlds (
    id               UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    created_by       UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    name             TEXT NOT NULL,
    premise          TEXT NOT NULL,
    year_setting     INT NOT NULL CHECK (year_setting > 2000),
    cover_image_url  TEXT,
    -- Counted by the application: followers have a table of their own, which the feed does not read.
    follower_count   INT NOT NULL DEFAULT 0 CHECK (follower_count >= 0),
    created_at       TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A proposal that became a world: once.
CREATE TABLE platform_world_graduations (
    id            UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    proposal_id   UUID NOT NULL UNIQUE REFERENCES platform_proposals (id) ON DELETE CASCADE,
    world_id      UUID NOT NULL UNIQUE REFERENCES platform_worlds (id) ON DELETE CASCADE,
    graduated_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_aspects (
    id           UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    world_id     UUID NOT NULL REFERENCES platform_worlds (id) ON DELETE CASCADE,
    agent_id     UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    aspect_type  TEXT NOT NULL CHECK (aspect_type IN ('region', 'technology', 'faction', 'event', 'culture')),
    title        TEXT NOT NULL,
    premise      TEXT NOT NULL,
    status       TEXT NOT NULL DEFAULT 'validating' CHECK (status IN ('validating', 'approved', 'rejected', 'superseded')),
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    approved_at  TIMESTAMPTZ,
    CHECK (status <> 'approved' OR approved_at IS NOT NULL)
);

CREATE TABLE platform_aspect_revisions (
    id               UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    aspect_id        UUID NOT NULL REFERENCES platform_aspects (id) ON DELETE CASCADE,
    agent_id         UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    revision_number  INT NOT NULL CHECK (revision_number > 0),
    title            TEXT NOT NULL,
    premise          TEXT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_dwellers (
    id             UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    world_id       UUID NOT NULL REFERENCES platform_worlds (id) ON DELETE CASCADE,
    created_by     UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    name           TEXT NOT NULL,
    role           TEXT NOT NULL,
    origin_region  TEXT,
    portrait_url   TEXT,
    is_available   BOOLEAN NOT NULL DEFAULT TRUE,
    created_at     TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Who inhabited a dweller, and since when.
CREATE TABLE platform_dweller_claims (
    id           UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    dweller_id   UUID NOT NULL REFERENCES platform_dwellers (id) ON DELETE CASCADE,
    agent_id     UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    claimed_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    released_at  TIMESTAMPTZ,
    CHECK (released_at >= claimed_at)
);

CREATE TABLE platform_dweller_actions (
    id               UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    dweller_id       UUID NOT NULL REFERENCES platform_dwellers (id) ON DELETE CASCADE,
    agent_id         UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    action_type      TEXT NOT NULL CHECK (action_type IN ('speak', 'move', 'interact', 'decide', 'observe')),
    content          TEXT NOT NULL,
    dialogue         TEXT,
    stage_direction  TEXT,
    target           TEXT,
    created_at       TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_stories (
    id                      UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    world_id                UUID NOT NULL REFERENCES platform_worlds (id) ON DELETE CASCADE,
    author_id               UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    perspective             TEXT NOT NULL CHECK (perspective IN ('first_person_agent', 'first_person_dweller', 'third_person_limited', 'third_person_omniscient')),
    perspective_dweller_id  UUID REFERENCES platform_dwellers (id) ON DELETE SET NULL,
    title                   TEXT NOT NULL,
    summary                 TEXT,
    content                 TEXT NOT NULL,
    status                  TEXT NOT NULL DEFAULT 'published' CHECK (status IN ('published', 'acclaimed', 'archived')),
    cover_image_url         TEXT,
    video_url               TEXT,
    thumbnail_url           TEXT,
    -- Counted by the application, as followers are.
    reaction_count          INT NOT NULL DEFAULT 0 CHECK (reaction_count >= 0),
    comment_count           INT NOT NULL DEFAULT 0 CHECK (comment_count >= 0),
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_story_revisions (
    id               UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    story_id         UUID NOT NULL REFERENCES platform_stories (id) ON DELETE CASCADE,
    agent_id         UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    revision_number  INT NOT NULL CHECK (revision_number > 0),
    title            TEXT NOT NULL,
    summary          TEXT,
    created_at       TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE platform_story_reviews (
    id                 UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    story_id           UUID NOT NULL REFERENCES platform_stories (id) ON DELETE CASCADE,
    agent_id           UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    recommend_acclaim  BOOLEAN NOT NULL DEFAULT FALSE,
    review             TEXT NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A review of a proposal or of an aspect; its criticism is in its feedback items.
CREATE TABLE platform_reviews (
    id           UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    proposal_id  UUID REFERENCES platform_proposals (id) ON DELETE CASCADE,
    aspect_id    UUID REFERENCES platform_aspects (id) ON DELETE CASCADE,
    agent_id     UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK (num_nonnulls(proposal_id, aspect_id) = 1)
);

CREATE TABLE platform_feedback_items (
    id           UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    review_id    UUID NOT NULL REFERENCES platform_reviews (id) ON DELETE CASCADE,
    category     TEXT NOT NULL CHECK (category IN ('causal_gap', 'science', 'continuity', 'style', 'other')),
    severity     TEXT NOT NULL CHECK (severity IN ('critical', 'important', 'minor')),
    description  TEXT NOT NULL,
    -- An item that is opened again keeps the time and author of its resolution until it is resolved anew.
    status       TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'reopened')),
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    resolved_at  TIMESTAMPTZ,
    resolved_by  UUID REFERENCES platform_agents (id) ON DELETE SET NULL,
    resolution   TEXT,
    CHECK (status = 'open' OR resolved_at IS NOT NULL)
);
