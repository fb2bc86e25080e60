//! Rows as the durable log keeps them where the request itself cannot be kept: in postcard's compact form, compressed by
//! zstd.

use std::io;
use std::io::Read as _;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sidecarta_queries::frame::{Frame, FrameKind};

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

/// Rows as the payload of a frame.
pub(crate) fn pack(rows: &impl Serialize) -> Result<Bytes, FrameError> {
    let content = postcard::to_stdvec(rows).map_err(FrameError::Content)?;
    zstd::bulk::compress(&content, 1).map(Bytes::from).map_err(FrameError::Compression)
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
    let reader = zstd::Decoder::with_buffer(frame.payload.as_ref()).map_err(FrameError::Compression)?;
    let mut content = Vec::new();
    // What is cut off at the limit ends too early to be rows.
    io::copy(&mut reader.take(max_bytes), &mut content).map_err(FrameError::Compression)?;
    postcard::from_bytes(&content).map_err(FrameError::Content)
}
