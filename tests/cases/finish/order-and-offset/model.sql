CREATE MATERIALIZED VIEW second_page AS SELECT p.id, p.title FROM projects p ORDER BY p.created_at DESC, p.id OFFSET 10 LIMIT 10;
CREATE UNIQUE INDEX ON second_page (id);
