-- A project's comments with their authors: the second query of document 003's project page.
--
-- Choices: soft-deleted comments and those of soft-deleted projects are left out. A reply to a deleted comment stays and
-- names its parent, so that a page can show it where it stood.

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW project_comments AS
SELECT
    c.id,
    c.project_id,
    c.parent_id,
    c.content,
    c.created_at,
    c.updated_at,

    -- Author info
    c.user_id AS author_id,
    u.username AS author_username,
    u.profile_image AS author_profile_image,
    u.is_verified AS author_is_verified,

    (SELECT count(*) FROM comments r WHERE r.parent_id = c.id AND NOT r.is_deleted) AS reply_count
FROM comments c
JOIN users u ON c.user_id = u.id
JOIN projects p ON c.project_id = p.id
WHERE NOT c.is_deleted AND NOT p.is_deleted;

CREATE UNIQUE INDEX project_comments_id ON project_comments (id);
CREATE INDEX project_comments_project ON project_comments (project_id, created_at DESC, id DESC);
