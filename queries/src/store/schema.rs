//! The schema of the file and of what is in memory.

use std::path::Path;

use duckdb::Connection;

use super::{StoreError, database};

/// Schema files in the order in which they are applied, each once in a file's life.
const VERSIONS: [&str; 6] = [
    include_str!("../../sql/schema/001_store.sql"),
    include_str!("../../sql/schema/002_envoy_statistics.sql"),
    include_str!("../../sql/schema/003_recent_requests.sql"),
    include_str!("../../sql/schema/004_cursors.sql"),
    include_str!("../../sql/schema/005_routes.sql"),
    include_str!("../../sql/schema/006_watches.sql"),
];

/// Attaches the database file as `store`.
pub(super) fn attach(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let path = path.to_string_lossy().replace('\'', "''");
    let attach = include_str!("../../sql/store/attach.sql").replace("{path}", &path);
    connection.execute_batch(&attach).map_err(database("open its file"))
}

/// Brings the file to the newest schema and creates what lives in memory.
pub(super) fn apply(connection: &Connection) -> Result<(), StoreError> {
    let action = database("prepare its tables");
    let prepare = || -> Result<usize, duckdb::Error> {
        connection.execute_batch(include_str!("../../sql/store/create_schema_version.sql"))?;
        let count = include_str!("../../sql/store/read_schema_version.sql");
        let found: usize = connection.query_row(count, [], |row| row.get(0))?;
        for (number, schema) in VERSIONS.iter().enumerate().skip(found) {
            let upgrade = include_str!("../../sql/store/upgrade_schema.sql");
            let version = (number + 1).to_string();
            connection.execute_batch(&upgrade.replace("{version}", &version).replace("{schema}", schema))?;
        }
        Ok(found)
    };
    let found = prepare().map_err(action)?;
    if found > VERSIONS.len() {
        return Err(StoreError::NewerSchema { found, known: VERSIONS.len() });
    }
    for memory in [include_str!("../../sql/store/memory.sql"), include_str!("../../sql/search/macros.sql")] {
        connection.execute_batch(memory).map_err(database("prepare its memory"))?;
    }
    Ok(())
}
