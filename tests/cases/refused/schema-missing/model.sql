CREATE MATERIALIZED VIEW reports.cards AS SELECT p.id FROM projects p;
