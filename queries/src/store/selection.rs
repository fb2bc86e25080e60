//! Which rollup rows are read, and how much of each.

use super::tiers::{Family, TimeRange};

/// Which rollup rows are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// Of which series.
    pub family: Family,
    /// From when to when.
    pub range: TimeRange,
    /// Only of these; of all where nothing is said.
    pub series: Option<&'a [u32]>,
    /// How much of each row.
    pub detail: Detail,
    /// Length of the longest buckets that rows may be about, seconds: a multiple of ten. Longer ones are read faster.
    pub longest_s: i64,
}

/// How much of a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Requests and errors.
    Requests,
    /// All counts.
    Counts,
    /// Counts and latencies.
    Latency,
    /// Statistics too.
    All,
}

/// For whoever only adds up: the longest buckets that there are.
pub(super) const ANY_LENGTH_S: i64 = 86_400;

/// The columns of a rollup table in their order. The first two say when and of what, the next
/// seven are counts, then come latencies, then statistics.
const COLUMNS: [&str; 15] = [
    "bucket_s",
    "series_id",
    "requests",
    "errors",
    "attempts",
    "retries",
    "timeouts",
    "connection_failures",
    "tls_handshakes",
    "client_bins",
    "client_counts",
    "server_bins",
    "server_counts",
    "stats",
    "stat_counts",
];

impl Selection<'_> {
    /// Everything of a family in a range.
    pub fn of(family: Family, range: TimeRange) -> Self {
        Self { family, range, series: None, detail: Detail::All, longest_s: ANY_LENGTH_S }
    }

    /// A statement with its columns and series put in. The numbers of series are ours, so that they need no parameters.
    pub(super) fn filled_in(&self, sql: &str) -> String {
        let columns = match self.detail {
            Detail::Requests => &COLUMNS[..4],
            Detail::Counts => &COLUMNS[..9],
            Detail::Latency => &COLUMNS[..13],
            Detail::All => &COLUMNS[..],
        };
        let ids: Vec<String> = self.series.unwrap_or(&[0]).iter().map(u32::to_string).collect();
        sql.replace("{columns}", &columns.join(", "))
            .replace("{all}", if self.series.is_none() { "true" } else { "false" })
            .replace("{ids}", &ids.join(", "))
    }
}
