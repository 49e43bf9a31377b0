-- Rows also come in by the clock alone.
CREATE MATERIALIZED VIEW current_offers AS
SELECT o.id FROM offers o WHERE o.starts_at <= now() AND (o.ends_at IS NULL OR o.ends_at > now());
CREATE UNIQUE INDEX ON current_offers (id);
