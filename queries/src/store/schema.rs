//! The schema of the file and of what is in memory.

use std::path::Path;

use duckdb::Connection;

use super::{StoreError, database};

/// Schema files in the order in which they are applied, each once in a file's life.
const VERSIONS: [&str; 1] = [include_str!("../../sql/schema/001_store.sql")];

/// Attaches the database file as `store`, in the newest storage format, which is a fifth smaller and quicker to write.
pub(super) fn attach(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let path = path.to_string_lossy().replace('\'', "''");
    connection
        .execute_batch(&format!("ATTACH '{path}' AS store (STORAGE_VERSION 'v1.5.0')"))
        .map_err(database("open its file"))?;
    // Commits of whole row groups pass by the write-ahead log; what is left is small, and folding it in stalls writes.
    connection.execute_batch("SET wal_autocheckpoint = '64MB'").map_err(database("be configured"))
}

/// Brings the file to the newest schema and creates what lives in memory.
pub(super) fn apply(connection: &Connection) -> Result<(), StoreError> {
    let action = database("prepare its tables");
    let prepare = || -> Result<usize, duckdb::Error> {
        connection.execute_batch("CREATE TABLE IF NOT EXISTS store.schema_version (version UBIGINT NOT NULL)")?;
        let found: usize =
            connection.query_row("SELECT count(*) FROM store.schema_version", [], |row| row.get(0))?;
        for (number, schema) in VERSIONS.iter().enumerate().skip(found) {
            let version = number + 1;
            connection.execute_batch(&format!(
                "BEGIN; {schema}; INSERT INTO store.schema_version VALUES ({version}); COMMIT"
            ))?;
        }
        Ok(found)
    };
    let found = prepare().map_err(action)?;
    if found > VERSIONS.len() {
        return Err(StoreError::NewerSchema { found, known: VERSIONS.len() });
    }
    connection.execute_batch(include_str!("../../sql/store/memory.sql")).map_err(database("prepare its memory"))
}
