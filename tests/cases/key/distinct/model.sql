CREATE MATERIALIZED VIEW categories AS SELECT DISTINCT p.user_id, p.category FROM projects p;
