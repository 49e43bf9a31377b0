-- The window orders by an aggregate of its own block: that is a stored column.
CREATE MATERIALIZED VIEW places AS
SELECT p.user_id, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM projects p GROUP BY p.user_id ORDER BY count(*) DESC;
