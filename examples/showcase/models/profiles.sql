-- The public profile, which document 003 promises ("on user update/karma change") without a table: no e-mail address, no
-- unread counts, only what is public elsewhere; with the five best projects.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW public_profiles AS
SELECT
    u.id AS user_id,
    u.username,
    u.bio,
    u.profile_image,
    u.is_verified,
    u.created_at AS member_since,
    coalesce((SELECT sum(p.proof_score) FROM projects p WHERE p.user_id = u.id AND NOT p.is_deleted), 0) AS total_karma,
    (SELECT count(*) FROM projects p WHERE p.user_id = u.id AND NOT p.is_deleted) AS project_count,
    (SELECT count(*) FROM validation_badges b WHERE b.validator_id = u.id) AS badges_given,
    (SELECT count(*) FROM comments c WHERE c.user_id = u.id AND NOT c.is_deleted) AS comment_count,
    (SELECT count(*) FROM chains c WHERE c.creator_id = u.id AND c.is_public AND c.is_active) AS chain_count,
    EXISTS (SELECT FROM investor_requests r WHERE r.user_id = u.id AND r.status = 'approved') AS is_investor,
    best.projects AS top_projects
FROM users u
LEFT JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object('id', top.id, 'title', top.title, 'image_url', top.image_url, 'proof_score', top.proof_score)
        ORDER BY top.proof_score DESC, top.id
    ) AS projects
    FROM (
        SELECT p.id, p.title, p.image_url, p.proof_score
        FROM projects p
        WHERE p.user_id = u.id AND NOT p.is_deleted
        ORDER BY p.proof_score DESC, p.id
        LIMIT 5
    ) top
) best ON TRUE
WHERE u.is_active;

CREATE UNIQUE INDEX public_profiles_user ON public_profiles (user_id);
CREATE INDEX public_profiles_username ON public_profiles (lower(username));
CREATE INDEX public_profiles_name ON public_profiles (username);
