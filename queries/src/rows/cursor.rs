//! How far a source has been read that is read piece by piece.

use serde::{Deserialize, Serialize};

/// How far a source has been read. It is stored with what was read in one transaction, so that nothing is read twice or
/// passed over, whenever the process ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCursor {
    /// The source, unique among all that are read piece by piece.
    pub source: String,
    /// In a form of the source's own.
    pub position: Vec<u8>,
}
