-- What is installed of the newest version of a model that serves, or else of the one that is built. $1: name or schema.name.
SELECT m.schema_name, m.name, m.version, m.table_name, m.file, m.definition, m.explanation, m.sources, m.key_columns
  FROM headwater.model AS m
 WHERE m.state <> 'retired'
   AND $1 IN (CASE WHEN m.schema_name = 'public' THEN m.name END, m.schema_name || '.' || m.name)
 ORDER BY m.installed_at IS NULL
 LIMIT 1
