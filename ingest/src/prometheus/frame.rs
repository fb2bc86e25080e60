//! A scrape as the durable log keeps it.

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::rows::mesh::MeshScrape;

use crate::packed::{FrameError, pack, unpack};

/// The largest scrape that is read back, several times one with as many series as are taken by default.
const MAX_BYTES: u64 = 512 << 20;

pub(crate) fn encode(scrape: &MeshScrape) -> Result<Frame, FrameError> {
    Ok(Frame { kind: FrameKind::MeshScrape, received_at_ns: scrape.scraped_at_ns, payload: pack(scrape)? })
}

/// Reads a scrape back from the log.
///
/// # Errors
/// Where the frame holds none, which no frame does that was acknowledged.
pub fn decode_frame(frame: &Frame) -> Result<MeshScrape, FrameError> {
    unpack(frame, FrameKind::MeshScrape, MAX_BYTES)
}
