//! Which tables and which part of them hold the spans of some traces, with what is in memory: the one way to them.

use duckdb::Connection;

use super::partitions::day_of;
use super::trace_index::{Run, SharedTraceIndex};

/// Where spans of some traces may lie, seen in one state of the store.
#[derive(Debug)]
pub(super) struct Places {
    /// In the file.
    pub(super) runs: Vec<Run>,
    /// The days whose tables of shapes may have theirs.
    days: Vec<String>,
}

impl Places {
    /// Asks the index. The transaction that reads there must have begun already or begin with this.
    pub(super) fn of(
        connection: &Connection,
        index: &SharedTraceIndex,
        trace_ids: &[u128],
    ) -> Result<Self, duckdb::Error> {
        // This first, which settles what state of the file is seen. The index then knows at least as much.
        let progress = include_str!("../../sql/store/read_progress.sql");
        let moved: u64 = connection.query_row(progress, [], |row| row.get(1))?;
        Ok(index.read(|index| {
            let runs = index.runs(trace_ids, moved);
            let mut days: Vec<String> = runs.iter().map(|run| run.day.clone()).collect();
            days.extend(index.recent_days(moved).map(str::to_owned));
            days.sort_unstable();
            days.dedup();
            Self { runs, days }
        }))
    }

    /// The spans there, as a query.
    pub(super) fn spans(&self) -> String {
        let stored = self.runs.iter().map(|run| {
            include_str!("../../sql/store/stored_spans.sql")
                .replace("{day}", &run.day)
                .replace("{first}", &run.first.to_string())
                .replace("{last}", &run.last.to_string())
        });
        union(stored, "spans")
    }

    /// The shapes that the spans there name, as a query.
    pub(super) fn shapes(&self) -> String {
        union(self.days.iter().map(|day| format!("FROM store.shapes_{day}")), "shapes")
    }
}

/// A day of grace for clocks that are ahead of ours.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// All rows of one kind that may be about this time or later, ns since 1970, as a query: none came before what they are
/// about.
pub(super) fn rows_since(
    connection: &Connection,
    index: &SharedTraceIndex,
    table: &str,
    time_ns: i64,
) -> Result<String, duckdb::Error> {
    let progress = include_str!("../../sql/store/read_progress.sql");
    let moved: u64 = connection.query_row(progress, [], |row| row.get(1))?;
    let first = jiff::Timestamp::from_nanosecond(time_ns.into()).and_then(|time| time.checked_sub(AHEAD));
    let first = first.map(day_of).unwrap_or_default();
    let days = index.read(|index| index.days_since(&first, moved));
    Ok(union(days.into_iter().map(|day| format!("FROM store.{table}_{day}")), table))
}

/// What is stored, and what is in memory of the same kind.
fn union(stored: impl Iterator<Item = String>, table: &str) -> String {
    let hot = (0..2).map(|generation| {
        include_str!("../../sql/store/hot_part.sql").replace("{table}", &format!("hot_{table}_{generation}"))
    });
    stored.chain(hot).collect::<Vec<_>>().join("\nUNION ALL\n")
}
