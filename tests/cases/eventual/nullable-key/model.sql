-- NULL is a key like any other.
-- headwater: eventual
CREATE MATERIALIZED VIEW categories AS SELECT p.category, count(*) AS projects, sum(p.score) AS score FROM projects p GROUP BY p.category;
