//! The log of acknowledged requests: what is in it survives `kill -9`, and is decoded again after a restart.
//!
//! Segment files hold frames one after another, each as
//! `length u32 | crc32 u32 | sequence number u64 | kind u8 | received_at_ns i64 | payload`, little-endian; the length
//! counts the bytes after the checksum, and the checksum covers them. A segment is named for its first sequence number and deleted once all
//! its frames are in the database file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::frame::{Frame, FrameKind};

/// Bytes after which a new segment is begun.
const SEGMENT_BYTES: u64 = 16 << 20;
/// Bytes of a frame before its payload, without length and checksum.
const FIXED_BYTES: usize = 8 + 1 + 8;
/// No frame is longer: a longer length in a file is damage.
const MAX_FRAME_BYTES: u32 = 256 << 20;

/// Why the log could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A frame is too long to be kept.
    #[error("a request of {bytes} bytes does not fit into the log")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    move |source| LogError::Io { action, path, source }
}

/// The end of the log, where frames are appended.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    path: PathBuf,
    file: File,
    bytes: u64,
    next: u64,
}

impl Log {
    /// Opens the log in `dir`, which is created where it is missing, and cuts off a frame that was being written when
    /// the process ended: nobody was told that it is stored.
    ///
    /// `position` is the last sequence number in the database file; new frames get later ones.
    pub fn open(dir: &Path, position: u64) -> Result<Self, LogError> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let segments = segments(dir)?;
        let (path, first) =
            segments.last().cloned().unwrap_or_else(|| (segment_path(dir, position + 1), position + 1));
        let mut next = first;
        let mut reader = SegmentReader::open(&path)?;
        while let Some((sequence, _)) = reader.as_mut().map(SegmentReader::next_frame).transpose()?.flatten()
        {
            next = sequence + 1;
        }
        let good_bytes = reader.map_or(0, |reader| reader.good_bytes);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        file.set_len(good_bytes).map_err(io_error("shorten", &path))?;
        file.seek(SeekFrom::End(0)).map_err(io_error("open", &path))?;
        sync_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), path, file, bytes: good_bytes, next: next.max(position + 1) })
    }

    /// Writes frames and makes them durable; returns the sequence number of the first. On an error none is kept.
    pub fn append(&mut self, frames: &[Frame]) -> Result<u64, LogError> {
        if self.bytes >= SEGMENT_BYTES {
            self.rotate()?;
        }
        let first = self.next;
        let mut buffer = Vec::with_capacity(frames.iter().map(|frame| frame.payload.len() + 32).sum());
        for (sequence, frame) in (first..).zip(frames) {
            encode(&mut buffer, sequence, frame)?;
        }
        let written = self.file.write_all(&buffer).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // What was written in part must not stand before the next frames.
            self.file.set_len(self.bytes).map_err(io_error("shorten", &self.path))?;
            self.file.seek(SeekFrom::Start(self.bytes)).map_err(io_error("seek in", &self.path))?;
            return Err(io_error("write", &self.path)(source));
        }
        self.bytes += buffer.len() as u64;
        self.next += frames.len() as u64;
        Ok(first)
    }

    fn rotate(&mut self) -> Result<(), LogError> {
        let path = segment_path(&self.dir, self.next);
        self.file = File::create(&path).map_err(io_error("create", &path))?;
        sync_dir(&self.dir)?;
        self.path = path;
        self.bytes = 0;
        Ok(())
    }
}

/// Calls `take` with every frame after `position`, in order.
///
/// A damaged segment is read up to the damage; the segments after it are read all the same. Returns the number of
/// segments that ended in damage, of which the newest may just be a frame that nobody was promised.
pub fn replay<E: From<LogError>>(
    dir: &Path,
    position: u64,
    mut take: impl FnMut(u64, Frame) -> Result<(), E>,
) -> Result<usize, E> {
    let mut damaged = 0;
    for (path, _) in segments(dir)? {
        let Some(mut reader) = SegmentReader::open(&path)? else { continue };
        while let Some((sequence, frame)) = reader.next_frame()? {
            if sequence > position {
                take(sequence, frame)?;
            }
        }
        damaged += usize::from(reader.damaged);
    }
    Ok(damaged)
}

/// Deletes the segments whose frames are all at or before `position`, the newest segment excepted.
pub fn release(dir: &Path, position: u64) -> Result<(), LogError> {
    let segments = segments(dir)?;
    for ((path, _), (_, next_first)) in segments.iter().zip(segments.iter().skip(1)) {
        if *next_first <= position + 1 {
            fs::remove_file(path).map_err(io_error("delete", path))?;
        }
    }
    Ok(())
}

/// Deletes all segments at the end of a run, when nothing will be appended, unless a frame lies beyond `position`.
pub fn clear(dir: &Path, position: u64) -> Result<(), LogError> {
    let mut beyond = 0_usize;
    replay::<LogError>(dir, position, |_, _| {
        beyond += 1;
        Ok(())
    })?;
    if beyond == 0 {
        for (path, _) in segments(dir)? {
            fs::remove_file(&path).map_err(io_error("delete", &path))?;
        }
    }
    Ok(())
}

/// Bytes of all segments.
pub fn size(dir: &Path) -> u64 {
    let Ok(segments) = segments(dir) else { return 0 };
    segments.iter().filter_map(|(path, _)| fs::metadata(path).ok()).map(|metadata| metadata.len()).sum()
}

fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

/// All segments with their first sequence numbers, oldest first.
fn segments(dir: &Path) -> Result<Vec<(PathBuf, u64)>, LogError> {
    let mut segments = Vec::new();
    if !dir.exists() {
        return Ok(segments);
    }
    for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
        let path = entry.map_err(io_error("list", dir))?.path();
        let first = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let Some(first) = first.filter(|_| path.extension().is_some_and(|extension| extension == "log")) {
            segments.push((path, first));
        }
    }
    segments.sort_by_key(|&(_, first)| first);
    Ok(segments)
}

fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("sync", dir))
}

fn encode(buffer: &mut Vec<u8>, sequence: u64, frame: &Frame) -> Result<(), LogError> {
    let length = u32::try_from(FIXED_BYTES + frame.payload.len())
        .ok()
        .filter(|&length| length <= MAX_FRAME_BYTES)
        .ok_or(LogError::TooLong { bytes: frame.payload.len() })?;
    let mut fixed = [0_u8; FIXED_BYTES];
    fixed[..8].copy_from_slice(&sequence.to_le_bytes());
    fixed[8] = frame.kind as u8;
    fixed[9..].copy_from_slice(&frame.received_at_ns.to_le_bytes());
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&fixed);
    checksum.update(&frame.payload);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&checksum.finalize().to_le_bytes());
    buffer.extend_from_slice(&fixed);
    buffer.extend_from_slice(&frame.payload);
    Ok(())
}

/// Reads one segment frame by frame, up to its end or to damage.
struct SegmentReader {
    path: PathBuf,
    file: BufReader<File>,
    good_bytes: u64,
    damaged: bool,
}

impl SegmentReader {
    /// Nothing where the file does not exist.
    fn open(path: &Path) -> Result<Option<Self>, LogError> {
        match File::open(path) {
            Ok(file) => {
                let file = BufReader::with_capacity(1 << 20, file);
                Ok(Some(Self { path: path.to_owned(), file, good_bytes: 0, damaged: false }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("open", path)(error)),
        }
    }

    fn next_frame(&mut self) -> Result<Option<(u64, Frame)>, LogError> {
        let mut head = [0_u8; 8];
        if self.read(&mut head)? < head.len() {
            return Ok(None);
        }
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let checksum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if (length as usize) < FIXED_BYTES || length > MAX_FRAME_BYTES {
            self.damaged = true;
            return Ok(None);
        }
        let mut body = vec![0_u8; length as usize];
        if self.read(&mut body)? < body.len() || crc32fast::hash(&body) != checksum {
            self.damaged = true;
            return Ok(None);
        }
        let word =
            |at: usize| <[u8; 8]>::try_from(&body[at..at + 8]).map(u64::from_le_bytes).unwrap_or_default();
        let (sequence, received_at_ns) = (word(0), word(9) as i64);
        let Some(kind) = FrameKind::from_number(body[8]) else {
            self.damaged = true;
            return Ok(None);
        };
        self.good_bytes += u64::from(length) + 8;
        let payload = Bytes::from(body).slice(FIXED_BYTES..);
        Ok(Some((sequence, Frame { kind, received_at_ns, payload })))
    }

    /// Fills the buffer as far as the file reaches. A file that ends within it is damaged, one that ends before is not.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LogError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error("read", &self.path)(error)),
            }
        }
        self.damaged |= filled > 0 && filled < buffer.len();
        Ok(filled)
    }
}

#[cfg(test)]
mod tests;
