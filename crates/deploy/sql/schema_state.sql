-- Whether the schema headwater is there, whether it is ours, and which version of it.
-- to_regclass keeps the lookups from failing where nothing is installed.
SELECT pg_catalog.to_regnamespace('headwater') IS NOT NULL AS present,
       pg_catalog.to_regclass('headwater.meta') IS NOT NULL
         AND pg_catalog.to_regclass('headwater.model') IS NOT NULL AS ours
