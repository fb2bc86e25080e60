-- Applies one schema file, `schema`, which makes the version `version`.
BEGIN;
{schema};
INSERT INTO store.schema_version VALUES ({version});
COMMIT
