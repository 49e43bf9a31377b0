-- Expression, partial, covering and GIN indexes are taken over; one on a column that is computed at read time cannot be.
CREATE MATERIALIZED VIEW listing AS
SELECT p.id, p.title, p.category, p.score, now() - p.created_at AS age, to_tsvector('english', p.title) AS words FROM projects p;
CREATE UNIQUE INDEX listing_id ON listing (id);
CREATE INDEX listing_title ON listing (lower(title) text_pattern_ops);
CREATE INDEX listing_best ON listing (score DESC) INCLUDE (title) WHERE score > 10;
CREATE INDEX listing_words ON listing USING gin (words);
CREATE INDEX listing_age ON listing (age);
