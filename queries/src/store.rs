//! The store: one DuckDB file, what is not in it yet in memory beside it, one writer, any number of readers.
//!
//! The connection's own database is in memory and holds the newest rows; the file is attached as `store`. The writer
//! *publishes* what it was given into memory, where queries see it at once, and *moves* it into the file a whole row
//! group at a time, with the rollups, the dictionaries and the position in the log in one transaction. A row in memory
//! carries the number of its generation and is hidden from the moment that the file holds that generation; it is
//! deleted one generation later, when no query can look for it any more. See `docs/storage.md`.

mod columns;
mod counting;
mod directory;
mod late;
mod measures;
mod partitions;
mod reader;
mod recent;
mod schema;
mod selection;
mod shapes;
mod staged;
mod tiers;
mod totals;
mod window;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use duckdb::{Config, Connection};

pub use directory::{Directory, LoggedRoute, ProxyRecord, SeriesKey, TracedRoute};
pub use measures::{Counts, Measures};
pub use reader::{RollupRow, RowCounts, Store};
pub use selection::{Detail, Selection};
pub use staged::Published;
pub use tiers::{Family, TimeRange};
pub use totals::SeriesTotal;
pub use writer::Writer;

/// What the store may use, and when it does what.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Folder of the database file and the log. Created where it is missing.
    pub dir: PathBuf,
    /// Memory that DuckDB may use, MB.
    pub memory_limit_mb: u32,
    /// Rows that are moved into the file in one step: a whole row group of DuckDB.
    pub move_rows: usize,
    /// Age at which rows are moved into the file even if they are few.
    pub move_after: Duration,
    /// Spans of young traces that are kept in memory, about 150 bytes each.
    pub window_spans: usize,
}

impl StoreOptions {
    /// The defaults, in this folder.
    pub fn in_dir(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            memory_limit_mb: 400,
            move_rows: 122_880,
            move_after: Duration::from_secs(10),
            window_spans: 400_000,
        }
    }

    /// The folder of the log.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The database file.
    pub fn database_path(&self) -> PathBuf {
        self.dir.join("sidecarta.duckdb")
    }
}

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DuckDB refused.
    #[error("the database cannot {action}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// What DuckDB said.
        #[source]
        source: duckdb::Error,
    },
    /// Columns did not fit together.
    #[error("rows cannot be put into columns")]
    Columns(#[from] arrow::error::ArrowError),
    /// A file could not be used.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The log could not be used.
    #[error("the log of acknowledged requests cannot be used")]
    Log(#[from] crate::log::LogError),
    /// The file was written by a newer version.
    #[error(
        "the database has schema {found}, and this version of Sidecarta knows up to {known}: use a newer version"
    )]
    NewerSchema {
        /// Schema of the file.
        found: usize,
        /// Newest schema known here.
        known: usize,
    },
}

/// Names what was being done when DuckDB refused.
fn database(action: &'static str) -> impl FnOnce(duckdb::Error) -> StoreError {
    move |source| StoreError::Database { action, source }
}

/// The dictionary that the writer fills and everybody reads.
type SharedDirectory = Arc<RwLock<Directory>>;

fn read_directory<T>(directory: &SharedDirectory, read: impl FnOnce(&Directory) -> T) -> T {
    read(&directory.read().unwrap_or_else(PoisonError::into_inner))
}

fn write_directory<T>(directory: &SharedDirectory, write: impl FnOnce(&mut Directory) -> T) -> T {
    write(&mut directory.write().unwrap_or_else(PoisonError::into_inner))
}

/// Opens the store, creating or upgrading its file, and returns the one writer beside the readers' handle.
///
/// # Errors
/// Where the file cannot be opened, is in use by another process, or is newer than this program.
pub fn open(options: &StoreOptions) -> Result<(Store, Writer), StoreError> {
    fs::create_dir_all(&options.dir)
        .map_err(|source| StoreError::File { path: options.dir.clone(), source })?;
    let connection = connect(options).map_err(database("start"))?;
    schema::attach(&connection, &options.database_path())?;
    schema::apply(&connection)?;
    let partitions = partitions::Partitions::load(&connection)?;
    partitions.refresh_views(&connection)?;
    let directory: SharedDirectory = Arc::new(RwLock::new(Directory::load(&connection)?));
    let reader = connection.try_clone().map_err(database("open a connection"))?;
    let varying = shapes::SharedVarying::default();
    let store = Store::new(reader, options, Arc::clone(&directory), varying.clone());
    let writer = Writer::new(connection, options.clone(), partitions, directory, varying)?;
    Ok((store, writer))
}

/// Threads of DuckDB. With more, version 1.5.5 shows readers the row groups of a move before it is committed, and a
/// generation counts twice for a moment. One is cheaper too: threads spend more on waiting for each other.
const THREADS: i64 = 1;

/// A connection to a fresh database in memory, which can reach no file but the one attached to it.
fn connect(options: &StoreOptions) -> Result<Connection, duckdb::Error> {
    let config = Config::default()
        .max_memory(&format!("{}MB", options.memory_limit_mb))?
        .threads(THREADS)?
        .with("temp_directory", options.dir.join("spill").to_string_lossy())?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?
        .with("preserve_insertion_order", "true")?;
    Connection::open_in_memory_with_flags(config)
}

#[cfg(test)]
mod tests;
