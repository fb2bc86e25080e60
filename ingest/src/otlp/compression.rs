//! Unpacking bodies under a limit, and packing them for the log.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::ops::Deref;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::memory::NoMemory;

/// Output is made in steps of this many bytes, so that a bomb is noticed early.
const STEP_BYTES: usize = 64 << 10;

/// A zstd frame may ask for this much memory as a power of two; 8 MiB is what every decoder must offer.
const MAX_ZSTD_WINDOW_LOG: u32 = 23;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several.
    Zstd,
    /// What HTTP calls deflate: zlib, or bare deflate, which some send.
    Deflate,
}

impl Encoding {
    /// The encoding that `Content-Encoding` or `grpc-encoding` names, in any case.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            "deflate" | "zlib" => Some(Self::Deflate),
            _ => None,
        }
    }

    /// Its name in HTTP.
    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }
}

/// Why a body cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// It is not what its encoding says, or ends too early.
    #[error("the body is not valid {} data", encoding.name())]
    Damaged {
        /// What it was said to be.
        encoding: Encoding,
        /// What the decoder says.
        #[source]
        source: io::Error,
    },
    /// It unpacks to more than a body may have.
    #[error("the body unpacks to more than {limit} bytes")]
    TooLarge {
        /// Bytes that it may have.
        limit: usize,
    },
    /// There is no memory left for it at the moment.
    #[error("no memory is left for the unpacked body")]
    NoMemory(NoMemory),
}

/// Unpacks a body of at most `limit` bytes. Before each step `reserve` is asked for the bytes of that step, and the work
/// ends if it says no.
///
/// # Errors
/// If the data is damaged, too large, or `reserve` says no.
pub(super) fn decompress(
    encoding: Encoding,
    body: &[u8],
    limit: usize,
    reserve: impl FnMut(usize) -> Result<(), NoMemory>,
) -> Result<Unpacked, CompressionError> {
    let damaged = |source| CompressionError::Damaged { encoding, source };
    match encoding {
        Encoding::Identity => read_within(encoding, body, limit, reserve),
        Encoding::Gzip => read_within(encoding, MultiGzDecoder::new(body), limit, reserve),
        Encoding::Deflate if is_zlib(body) => read_within(encoding, ZlibDecoder::new(body), limit, reserve),
        Encoding::Deflate => read_within(encoding, DeflateDecoder::new(body), limit, reserve),
        Encoding::Zstd => {
            let mut decoder = ZstdDecoder::with_buffer(body).map_err(damaged)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(damaged)?;
            read_within(encoding, decoder, limit, reserve)
        }
    }
}

/// Whether these are the first two bytes of a zlib stream.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

/// An unpacked body. Its memory is used again for the next body on the same thread: getting fresh memory for each would
/// cost more than unpacking does.
#[derive(Debug)]
pub(super) struct Unpacked {
    buffer: Vec<u8>,
    length: usize,
}

/// A larger buffer is not kept.
const KEPT_BYTES: usize = 1 << 20;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Deref for Unpacked {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if self.buffer.capacity() <= KEPT_BYTES {
            SPARE.set(std::mem::take(&mut self.buffer));
        }
    }
}

fn read_within(
    encoding: Encoding,
    mut reader: impl Read,
    limit: usize,
    mut reserve: impl FnMut(usize) -> Result<(), NoMemory>,
) -> Result<Unpacked, CompressionError> {
    let mut plain = Unpacked { buffer: SPARE.take(), length: 0 };
    let mut granted = 0;
    loop {
        if plain.length == granted {
            reserve(STEP_BYTES).map_err(CompressionError::NoMemory)?;
            granted += STEP_BYTES;
            if plain.buffer.len() < granted {
                plain.buffer.resize(granted, 0);
            }
        }
        let read = reader
            .read(&mut plain.buffer[plain.length..granted])
            .map_err(|source| CompressionError::Damaged { encoding, source })?;
        if read == 0 {
            return Ok(plain);
        }
        plain.length += read;
        if plain.length > limit {
            return Err(CompressionError::TooLarge { limit });
        }
    }
}

/// Packs a body for the log, quickly.
///
/// # Errors
/// Only where zstd itself fails.
pub(super) fn compress_for_log(plain: &[u8]) -> io::Result<Vec<u8>> {
    // Level 1 takes twice the time for a tenth less.
    const QUICKLY: i32 = -3;
    thread_local! {
        // Making one costs more than packing a small body.
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => slot.insert(Compressor::new(QUICKLY)?),
        };
        compressor.compress(plain)
    })
}

#[cfg(test)]
mod tests;
