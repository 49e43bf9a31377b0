-- The moment and the server. $1: the key of the schema lock.
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
       EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32) | l.objid::bigint = $1
                  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())) AS applying,
       current_setting('server_version') AS version, current_database()::text AS database,
       current_setting('track_functions') AS track_functions,
       (SELECT b.number FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1) AS batch
