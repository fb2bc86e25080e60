//! Follows a file that a proxy writes its access log to, through rotation.
//!
//! What was read and how far goes together: [`Follower::poll`] gives rows and the [`Cursor`] behind them, and whoever
//! stores both in one step has each line once, whatever happens in between. A follower starts where its cursor says.
//!
//! **Which file.** A file is known by device and inode and by a checksum of its first bytes, which access logs begin
//! with a time and a request id and so never have in common. Where the path leads to another file, the one that was
//! read is looked for beside it by the same name with something added (`access.log.1`), and is read to its end first. That
//! holds for rotation by renaming and by copying and truncating, running or not. Of two rotations while nothing is
//! running, the file in the middle is missed.
//!
//! **Which lines.** A line without an end waits for it, unless its file has been left. A line of more than
//! [`MAX_LINE_BYTES`] is cut, and its rest is skipped.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use sidecarta_queries::rows::access_log::AccessLogRow;

use super::parser::LineParser;

mod lines;
mod opened;

#[cfg(test)]
mod tests;

pub use lines::MAX_LINE_BYTES;
pub use opened::Cursor;
use opened::{Likeness, Opened};

/// About how many rows a batch has at most.
const MAX_ROWS: usize = 10_000;

/// About how many bytes are read for a batch at most.
const MAX_BYTES: usize = 4 << 20;

/// How many files beside the path are looked at.
const MAX_SIBLINGS: usize = 1_000;

/// What one look at the file brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// One row a line.
    pub rows: Vec<AccessLogRow>,
    /// How many of them fit no format.
    pub raw_lines: u64,
    /// How many lines were cut.
    pub cut_lines: u64,
    /// Where the next batch begins; to be stored together with the rows. None while there has been no file.
    pub cursor: Option<Cursor>,
    /// Whether there is no file at the path.
    pub is_missing: bool,
    /// Whether there is nothing more to read for now.
    pub is_at_end: bool,
    /// What is to be known of the file besides, in words.
    pub notice: Option<String>,
}

/// Reads one file as it grows. Blocking, so that it belongs on a thread that may wait for a disk.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    parser: LineParser,
    cursor: Option<Cursor>,
    /// Whether what the file holds when it is first found is read.
    from_start: bool,
    opened: Option<Opened>,
}

impl Follower {
    /// Follows the file at `path` from `cursor` on. Without a cursor, a file that is there already is read from its
    /// start or from its end, by `from_start`. Nothing is opened yet.
    pub fn new(path: PathBuf, parser: LineParser, cursor: Option<Cursor>, from_start: bool) -> Self {
        Self { path, parser, cursor, from_start, opened: None }
    }

    /// Reads what has been added, up to some ten thousand lines. `received_at_ns` is ns since 1970.
    ///
    /// # Errors
    /// If the file cannot be read. It can be tried again, and nothing is lost.
    pub fn poll(&mut self, received_at_ns: i64) -> io::Result<Batch> {
        let mut batch = Batch::default();
        let Some(mut opened) = self.open(&mut batch)? else {
            // What appears later has been seen from its start.
            self.from_start = true;
            batch.is_missing = true;
            batch.is_at_end = true;
            batch.cursor.clone_from(&self.cursor);
            return Ok(batch);
        };
        let is_at_end = self.read(&mut opened, &mut batch, received_at_ns)?;
        if is_at_end && let Some(next) = self.next_file(&opened)? {
            opened.finish(|line| self.take(&mut batch, line, received_at_ns));
            opened = next;
        } else {
            batch.is_at_end = is_at_end;
        }
        self.cursor = Some(opened.cursor());
        batch.cursor.clone_from(&self.cursor);
        self.opened = Some(opened);
        Ok(batch)
    }

    /// The file to read from, whatever has become of it since the last time.
    fn open(&mut self, batch: &mut Batch) -> io::Result<Option<Opened>> {
        let Some(opened) = self.opened.take() else { return self.find(batch) };
        if !opened.is_replaced()? {
            return Ok(Some(opened));
        }
        if let Some(copy) = self.find_left(&opened.cursor(), Likeness::Content)? {
            return Ok(Some(copy));
        }
        batch.notice = Some("the file was truncated; what had not been read of it is lost".to_owned());
        opened.restarted().map(Some)
    }

    /// Reads until the batch is full or the file ends; whether it has ended.
    fn read(&self, opened: &mut Opened, batch: &mut Batch, received_at_ns: i64) -> io::Result<bool> {
        let mut bytes = 0;
        while bytes < MAX_BYTES && batch.rows.len() < MAX_ROWS {
            let (read, cut_lines) = opened.read(|line| self.take(batch, line, received_at_ns))?;
            batch.cut_lines += cut_lines;
            if read == 0 {
                return Ok(true);
            }
            bytes += read;
        }
        Ok(false)
    }

    fn take(&self, batch: &mut Batch, line: &[u8], received_at_ns: i64) {
        if let Some(row) = self.parser.parse(line, received_at_ns) {
            batch.raw_lines += u64::from(!row.raw.is_empty());
            batch.rows.push(row);
        }
    }

    /// The file to begin with: the one that the cursor is for, wherever it is now, or else the one at the path.
    fn find(&self, batch: &mut Batch) -> io::Result<Option<Opened>> {
        let Some(cursor) = &self.cursor else {
            let Some(file) = open_file(&self.path)? else { return Ok(None) };
            return if self.from_start { Opened::at_start(file) } else { Opened::at_end(file) }.map(Some);
        };
        for likeness in [Likeness::Place, Likeness::Content] {
            if let Some(file) = open_file(&self.path)?
                && cursor.is_of(&file, likeness)?
            {
                return Opened::at(file, cursor).map(Some);
            }
            if let Some(left) = self.find_left(cursor, likeness)? {
                return Ok(Some(left));
            }
        }
        let Some(file) = open_file(&self.path)? else { return Ok(None) };
        batch.notice = Some("the file that was read before is gone; another one is at the path".to_owned());
        Opened::at_start(file).map(Some)
    }

    /// The file that the cursor is for, where it now has another name.
    fn find_left(&self, cursor: &Cursor, likeness: Likeness) -> io::Result<Option<Opened>> {
        let (Some(folder), Some(name)) =
            (self.path.parent(), self.path.file_name().and_then(|name| name.to_str()))
        else {
            return Ok(None);
        };
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        for entry in entries.take(MAX_SIBLINGS) {
            let entry = entry?;
            let is_sibling =
                entry.file_name().to_str().is_some_and(|other| other != name && other.starts_with(name));
            if is_sibling
                && let Ok(Some(file)) = open_file(&entry.path())
                && cursor.is_of(&file, likeness)?
            {
                let mut opened = Opened::at(file, cursor)?;
                opened.is_left = true;
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }

    /// The file at the path, if the one that is read is to be left for it. A new file that is still empty does not count,
    /// for until Envoy is told to open its log anew it writes to the old one.
    fn next_file(&self, opened: &Opened) -> io::Result<Option<Opened>> {
        let Some(file) = open_file(&self.path)? else { return Ok(None) };
        let metadata = file.metadata()?;
        let is_next = opened.is_left || !opened.is_same(&metadata) && metadata.size() > 0;
        if is_next { Opened::at_start(file).map(Some) } else { Ok(None) }
    }
}

/// Opens a regular file. Others are not opened at all: opening a pipe waits for its writer.
fn open_file(path: &std::path::Path) -> io::Result<Option<File>> {
    let opened = std::fs::metadata(path).and_then(|metadata| {
        if metadata.is_file() {
            File::open(path)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
        }
    });
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
