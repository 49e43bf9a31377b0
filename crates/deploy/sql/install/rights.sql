REVOKE ALL ON ALL TABLES IN SCHEMA headwater FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA headwater FROM PUBLIC;

INSERT INTO headwater.meta (key, value) VALUES ('generation', '1') ON CONFLICT (key) DO NOTHING;
INSERT INTO headwater.meta (key, value) VALUES ('schema_version', '7')
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
