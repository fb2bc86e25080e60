//! Unpacking bodies under a limit, and packing them for the log.

use std::cell::RefCell;
use std::io::{self, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder as ZstdDecoder;

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
}

/// Why a body cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// It is not what its encoding says, or ends too early.
    #[error("the body is not valid {encoding:?} data")]
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
    NoMemory,
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
    reserve: impl FnMut(usize) -> bool,
) -> Result<Vec<u8>, CompressionError> {
    let damaged = |source| CompressionError::Damaged { encoding, source };
    match encoding {
        Encoding::Identity => read_within(encoding, body, body.len(), limit, reserve),
        Encoding::Gzip => read_within(encoding, MultiGzDecoder::new(body), body.len(), limit, reserve),
        Encoding::Deflate if is_zlib(body) => {
            read_within(encoding, ZlibDecoder::new(body), body.len(), limit, reserve)
        }
        Encoding::Deflate => read_within(encoding, DeflateDecoder::new(body), body.len(), limit, reserve),
        Encoding::Zstd => {
            let mut decoder = ZstdDecoder::with_buffer(body).map_err(damaged)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(damaged)?;
            read_within(encoding, decoder, body.len(), limit, reserve)
        }
    }
}

/// Whether these are the first two bytes of a zlib stream.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

fn read_within(
    encoding: Encoding,
    mut reader: impl Read,
    packed_bytes: usize,
    limit: usize,
    mut reserve: impl FnMut(usize) -> bool,
) -> Result<Vec<u8>, CompressionError> {
    let mut plain = Vec::with_capacity(packed_bytes.saturating_mul(4).min(1 << 20));
    let mut length = 0;
    loop {
        if length == plain.len() {
            if !reserve(STEP_BYTES) {
                return Err(CompressionError::NoMemory);
            }
            plain.resize(length + STEP_BYTES, 0);
        }
        let read = reader
            .read(&mut plain[length..])
            .map_err(|source| CompressionError::Damaged { encoding, source })?;
        if read == 0 {
            plain.truncate(length);
            return Ok(plain);
        }
        length += read;
        if length > limit {
            return Err(CompressionError::TooLarge { limit });
        }
    }
}

/// Packs a body for the log, quickly.
///
/// # Errors
/// Only where zstd itself fails.
pub(super) fn compress_for_log(plain: &[u8]) -> io::Result<Vec<u8>> {
    const QUICKLY: i32 = 1;
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
