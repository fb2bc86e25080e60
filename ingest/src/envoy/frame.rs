//! A scrape as the log keeps it: in postcard's compact form, compressed by zstd.

use std::io::Read;

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::envoy::EnvoyScrape;

/// The largest scrape that is read back. One of a proxy with ten thousand busy clusters takes about a tenth of it.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Why a frame holds no scrape, or a scrape does not become a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The frame is of another kind.
    #[error("a frame of kind {0:?} holds no scrape of an Envoy")]
    Kind(FrameKind),
    /// The compressed data is damaged.
    #[error("a scrape cannot be compressed or decompressed")]
    Compression(#[source] std::io::Error),
    /// The content is not that of a scrape.
    #[error("a scrape cannot be written or read")]
    Content(#[source] postcard::Error),
}

pub(super) fn encode(scrape: &EnvoyScrape) -> Result<Frame, FrameError> {
    let content = postcard::to_stdvec(scrape).map_err(FrameError::Content)?;
    let payload = zstd::bulk::compress(&content, 1).map_err(FrameError::Compression)?;
    Ok(Frame { kind: FrameKind::EnvoyScrape, received_at_ns: scrape.scraped_at_ns, payload: payload.into() })
}

pub(super) fn decode(frame: &Frame, max_bytes: u64) -> Result<EnvoyScrape, FrameError> {
    if frame.kind != FrameKind::EnvoyScrape {
        return Err(FrameError::Kind(frame.kind));
    }
    let reader = zstd::Decoder::with_buffer(frame.payload.as_ref()).map_err(FrameError::Compression)?;
    let mut content = Vec::new();
    // What is cut off at the limit ends too early to be a scrape.
    reader.take(max_bytes).read_to_end(&mut content).map_err(FrameError::Compression)?;
    postcard::from_bytes(&content).map_err(FrameError::Content)
}
