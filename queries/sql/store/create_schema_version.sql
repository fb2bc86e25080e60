-- The schema files that the database file has seen.
CREATE TABLE IF NOT EXISTS store.schema_version (version UBIGINT NOT NULL)
