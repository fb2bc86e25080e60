//! Rows as the durable log keeps them where the request itself cannot be kept: in postcard's compact form, compressed by
//! zstd.

use std::cell::RefCell;
use std::io;
use std::io::Read as _;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sidecarta_queries::frame::{Frame, FrameKind};
use zstd::bulk::Compressor;

/// Why rows do not become a frame, or a frame holds no such rows.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The frame is of another kind.
    #[error("a frame of kind {0:?} holds other rows")]
    Kind(FrameKind),
    /// The compressed data is damaged.
    #[error("the rows cannot be compressed or decompressed")]
    Compression(#[source] io::Error),
    /// The content is not that of such rows.
    #[error("the rows cannot be written or read")]
    Content(#[source] postcard::Error),
}

thread_local! {
    /// Making a compressor costs more than compressing a small scrape.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// Rows as the payload of a frame.
pub(crate) fn pack(rows: &impl Serialize) -> Result<Bytes, FrameError> {
    let content = postcard::to_stdvec(rows).map_err(FrameError::Content)?;
    compress(&content).map(Bytes::from)
}

/// What [`content`] gives back.
pub(crate) fn compress(content: &[u8]) -> Result<Vec<u8>, FrameError> {
    let compress = |compressor: &RefCell<Option<Compressor<'static>>>| {
        let mut compressor = compressor.borrow_mut();
        match &mut *compressor {
            Some(compressor) => compressor.compress(content),
            none => none.insert(Compressor::new(1)?).compress(content),
        }
    };
    COMPRESSOR.with(compress).map_err(FrameError::Compression)
}

/// Reads rows back that take up to `max_bytes` unpacked.
pub(crate) fn unpack<T: DeserializeOwned>(
    frame: &Frame,
    kind: FrameKind,
    max_bytes: u64,
) -> Result<T, FrameError> {
    if frame.kind != kind {
        return Err(FrameError::Kind(frame.kind));
    }
    unpack_bytes(&frame.payload, max_bytes)
}

/// Reads back what [`pack`] gave, if it takes up to `max_bytes` unpacked.
pub(crate) fn unpack_bytes<T: DeserializeOwned>(packed: &[u8], max_bytes: u64) -> Result<T, FrameError> {
    postcard::from_bytes(&content(packed, max_bytes)?).map_err(FrameError::Content)
}

/// What was compressed, up to `max_bytes` of it.
pub(crate) fn content(packed: &[u8], max_bytes: u64) -> Result<Vec<u8>, FrameError> {
    let reader = zstd::Decoder::with_buffer(packed).map_err(FrameError::Compression)?;
    let mut content = Vec::new();
    // What is cut off at the limit ends too early to be rows.
    io::copy(&mut reader.take(max_bytes), &mut content).map_err(FrameError::Compression)?;
    Ok(content)
}
