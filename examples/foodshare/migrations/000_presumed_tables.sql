-- What 004 presumes: it alters users, and indexes and reads food_posts, exchanges and ratings, but creates none of them. Columns are
-- those that its statements name, and what an application of this kind cannot do without. Every file here can be run again.
--
-- 004's times are TIMESTAMP, without a zone, and their defaults are NOW(): every session must have one time zone. Let it be UTC.

CREATE TABLE IF NOT EXISTS users (
    id          UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    telegram_id BIGINT UNIQUE,
    username    VARCHAR(100) NOT NULL,
    created_at  TIMESTAMP NOT NULL DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS food_posts (
    id          UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id     UUID NOT NULL REFERENCES users (id),
    group_id    UUID,                       -- its foreign key is in 003: the groups come with 001
    title       VARCHAR(255) NOT NULL,
    description TEXT,
    portions    INTEGER NOT NULL DEFAULT 1,
    status      VARCHAR(20) NOT NULL DEFAULT 'available',   -- available, claimed, picked_up, withdrawn
    pickup_time TIMESTAMP NOT NULL,         -- until when it can be picked up
    created_at  TIMESTAMP NOT NULL DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS exchanges (
    id          UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    food_id     UUID NOT NULL REFERENCES food_posts (id) ON DELETE CASCADE,
    claimer_id  UUID NOT NULL REFERENCES users (id),
    status      VARCHAR(20) NOT NULL DEFAULT 'pending',     -- pending, confirmed, completed, cancelled
    created_at  TIMESTAMP NOT NULL DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS ratings (
    id            UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    exchange_id   UUID NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE,
    rated_user_id UUID NOT NULL REFERENCES users (id),
    kind          VARCHAR(20) NOT NULL,     -- food: of who shared, by who claimed; recipient: the other way round
    stars         INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
    created_at    TIMESTAMP NOT NULL DEFAULT NOW(),
    UNIQUE (exchange_id, kind)
);
