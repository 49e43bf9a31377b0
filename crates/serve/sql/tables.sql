-- What PostgreSQL knows of tables, partitions with their roots. $1: quoted qualified names. Rows are estimated as the planner does: the rows of
-- the last ANALYZE or VACUUM, scaled to the pages of today.
SELECT t AS name, coalesce(sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del), 0)::bigint AS changes,
       CASE WHEN bool_and(c.reltuples >= 0 AND (c.relpages > 0 OR pg_catalog.pg_relation_size(c.oid) = 0))
            THEN round(sum(c.reltuples * (pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::float8) / greatest(c.relpages, 1)))::bigint END AS rows
  FROM unnest($1::text[]) AS t
  JOIN pg_catalog.pg_class AS c
    ON c.relkind = 'r' AND c.oid IN (SELECT to_regclass(t)::oid UNION SELECT p.relid::oid FROM pg_catalog.pg_partition_tree(to_regclass(t)) AS p)
  LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
 GROUP BY t
