//! A file, and how far it has been read.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::lines::LineCutter;

/// How many bytes of a file's start are looked at to know it again.
const MAX_HEAD_BYTES: usize = 256;

/// From this many bytes on a file's start is its own, whatever its device and inode.
const TELLING_HEAD_BYTES: usize = 64;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How far a file has been read, and which file that was. Opaque; it is kept with the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    device: u64,
    inode: u64,
    /// How many bytes of the start the checksum is of.
    head_bytes: usize,
    head_checksum: u64,
    /// Bytes whose lines have been given.
    offset: u64,
    /// Whether the offset lies within a line that was cut.
    is_in_line: bool,
}

impl Cursor {
    /// How many bytes of the file have been read, bytes of lines without an end left out.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the file is the one that the cursor is for; with [`Likeness::Content`], or a copy of it.
    pub(super) fn is_of(&self, file: &File, likeness: Likeness) -> io::Result<bool> {
        let metadata = file.metadata()?;
        let is_same_place = (metadata.dev(), metadata.ino()) == (self.device, self.inode);
        let is_alike = match likeness {
            Likeness::Place => is_same_place,
            Likeness::Content => self.head_bytes >= TELLING_HEAD_BYTES,
        };
        let is_possible = is_alike && metadata.size() >= self.offset;
        Ok(is_possible && head_checksum(file, self.head_bytes)? == Some(self.head_checksum))
    }
}

/// By what a file is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Device, inode and the first bytes.
    Place,
    /// The first bytes alone, if there are enough of them.
    Content,
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Opened {
    file: File,
    /// The file's identity; its offset is that of the last read.
    read_to: Cursor,
    cutter: LineCutter,
    /// Whether it is not the one at the path any more, so that its end is an end.
    pub(super) is_left: bool,
}

impl Opened {
    pub(super) fn at_start(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let start = Cursor { device: metadata.dev(), inode: metadata.ino(), ..Cursor::default() };
        Self::at(file, &Cursor { head_checksum: xxh3_64(&[]), ..start })
    }

    /// Behind what the file holds now; the rest of a line that is being written is skipped.
    pub(super) fn at_end(file: File) -> io::Result<Self> {
        let mut opened = Self::at_start(file)?;
        let size = opened.file.metadata()?.size();
        let mut last = [b'\n'];
        if size > 0 {
            opened.file.read_exact_at(&mut last, size - 1)?;
        }
        opened.read_to.offset = size;
        opened.cutter = LineCutter::new(last != [b'\n']);
        opened.know_head()?;
        Ok(opened)
    }

    pub(super) fn at(file: File, cursor: &Cursor) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let read_to = Cursor { device: metadata.dev(), inode: metadata.ino(), ..cursor.clone() };
        Ok(Self { file, read_to, cutter: LineCutter::new(cursor.is_in_line), is_left: false })
    }

    /// The same file from its start.
    pub(super) fn restarted(self) -> io::Result<Self> {
        Self::at_start(self.file)
    }

    /// Where reading has to begin again.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor {
            offset: self.read_to.offset - self.cutter.pending_bytes() as u64,
            is_in_line: self.cutter.is_skipping(),
            ..self.read_to.clone()
        }
    }

    pub(super) fn is_same(&self, metadata: &Metadata) -> bool {
        (metadata.dev(), metadata.ino()) == (self.read_to.device, self.read_to.inode)
    }

    /// Whether the file does not hold any more what was read from it.
    pub(super) fn is_replaced(&self) -> io::Result<bool> {
        Ok(!self.read_to.is_of(&self.file, Likeness::Place)?)
    }

    /// Reads some more, and gives the lines. How many bytes were read and how many lines were cut comes back.
    pub(super) fn read(&mut self, take: impl FnMut(&[u8])) -> io::Result<(usize, u64)> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = self.file.read_at(&mut chunk, self.read_to.offset)?;
        self.read_to.offset += read as u64;
        let cut_lines = self.cutter.push(&chunk[..read], take);
        self.know_head()?;
        Ok((read, cut_lines))
    }

    /// Gives the last line, though it has no end.
    pub(super) fn finish(&mut self, take: impl FnMut(&[u8])) {
        self.cutter.finish(take);
    }

    /// Takes the checksum of as much of the start as has been read.
    fn know_head(&mut self) -> io::Result<()> {
        let head_bytes = usize::try_from(self.read_to.offset).unwrap_or(MAX_HEAD_BYTES).min(MAX_HEAD_BYTES);
        if head_bytes > self.read_to.head_bytes
            && let Some(checksum) = head_checksum(&self.file, head_bytes)?
        {
            self.read_to.head_bytes = head_bytes;
            self.read_to.head_checksum = checksum;
        }
        Ok(())
    }
}

/// The checksum of the first bytes; none if the file has fewer.
fn head_checksum(file: &File, bytes: usize) -> io::Result<Option<u64>> {
    let mut head = vec![0; bytes.min(MAX_HEAD_BYTES)];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) => Ok(Some(xxh3_64(&head))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
