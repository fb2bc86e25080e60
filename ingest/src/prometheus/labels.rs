//! Label sets: sorted, each name once, within limits.

use super::exposition::{DecodeLimits, Rejects};
use super::family::Labels;

/// Why a label set is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadLabels {
    /// Not written as labels are.
    Malformed,
    /// Too many, too long, or one name twice.
    Refused,
}

impl BadLabels {
    pub(super) fn count(self, rejects: &mut Rejects) {
        match self {
            Self::Malformed => rejects.malformed += 1,
            Self::Refused => rejects.labels += 1,
        }
    }
}

/// Sorts labels and checks them. A label without a value is as if it were not there.
pub(super) fn finished<'a>(mut labels: Labels<'a>, limits: &DecodeLimits) -> Result<Labels<'a>, BadLabels> {
    let is_long = |text: &str| text.len() > limits.max_label_bytes;
    if labels.len() > limits.max_labels || labels.iter().any(|(name, value)| is_long(name) || is_long(value))
    {
        return Err(BadLabels::Refused);
    }
    labels.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    if labels.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(BadLabels::Refused);
    }
    labels.retain(|(_, value)| !value.is_empty());
    Ok(labels)
}
