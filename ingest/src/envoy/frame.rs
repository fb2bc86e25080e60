//! A scrape as the log keeps it.

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::envoy::EnvoyScrape;

pub use crate::packed::FrameError;
use crate::packed::{pack, unpack};

/// The largest scrape that is read back. One of a proxy with ten thousand busy clusters takes about a tenth of it.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;

pub(super) fn encode(scrape: &EnvoyScrape) -> Result<Frame, FrameError> {
    let payload = pack(scrape)?;
    Ok(Frame { kind: FrameKind::EnvoyScrape, received_at_ns: scrape.scraped_at_ns, payload })
}

pub(super) fn decode(frame: &Frame, max_bytes: u64) -> Result<EnvoyScrape, FrameError> {
    unpack(frame, FrameKind::EnvoyScrape, max_bytes)
}
