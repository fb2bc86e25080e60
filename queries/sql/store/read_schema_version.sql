-- How many schema files the database file has seen.
SELECT count(*) FROM store.schema_version
