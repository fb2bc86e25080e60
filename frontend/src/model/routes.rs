//! The routes table: its columns, their order, and what is found in it.

use std::cmp::Ordering;

use sidecarta_queries::api::graph::{Evidence, Quantile};
use sidecarta_queries::api::routes::{RouteSummary, SeenBy};
use sidecarta_queries::api::series::{Percentiles, StatusClasses};

use super::node_id::NodeId;
use super::sorting::{Order, TableColumn};
use super::tracks::named;
use crate::components::measures::percentile;
use crate::components::sign::source_word;
use crate::format;

/// A column of the routes table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteColumn {
    Route,
    Version,
    Caller,
    Trend,
    Requests,
    Rate,
    Errors,
    Failed,
    Attempts,
    Retries,
    Refused,
    P50,
    P75,
    P90,
    P95,
    P99,
    P999,
    Timeouts,
    Proxy,
    Classes,
    Flags,
    Grpc,
    Evidence,
}

impl TableColumn for RouteColumn {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Route, "route"),
        (Self::Version, "version"),
        (Self::Caller, "caller"),
        (Self::Trend, "trend"),
        (Self::Requests, "requests"),
        (Self::Rate, "rate"),
        (Self::Errors, "errors"),
        (Self::Failed, "failed"),
        (Self::Attempts, "attempts"),
        (Self::Retries, "retries"),
        (Self::Refused, "refused"),
        (Self::P50, "p50"),
        (Self::P75, "p75"),
        (Self::P90, "p90"),
        (Self::P95, "p95"),
        (Self::P99, "p99"),
        (Self::P999, "p999"),
        (Self::Timeouts, "timeouts"),
        (Self::Proxy, "proxy"),
        (Self::Classes, "classes"),
        (Self::Flags, "flags"),
        (Self::Grpc, "grpc"),
        (Self::Evidence, "evidence"),
    ];

    fn descends_first(self) -> bool {
        !matches!(self, Self::Route | Self::Version | Self::Caller)
    }
}

/// How a column is shown.
#[derive(Clone, Copy)]
pub(crate) struct ColumnSpec {
    /// Which it is.
    pub(crate) column: RouteColumn,
    /// What its head says.
    pub(crate) title: &'static str,
    /// What it means, for the choice of columns.
    pub(crate) about: &'static str,
    /// Whether it holds numbers.
    pub(crate) number: bool,
    /// Whether it is shown where the viewer has chosen none.
    pub(crate) first: bool,
    /// A row's value in words.
    pub(crate) text: fn(&RouteSummary) -> String,
}

const fn spec(
    column: RouteColumn,
    title: &'static str,
    about: &'static str,
    number: bool,
    first: bool,
    text: fn(&RouteSummary) -> String,
) -> ColumnSpec {
    ColumnSpec { column, title, about, number, first, text }
}

/// The columns that may be chosen, in the order in which they stand. Route and caller are not among them: the one is
/// always there, the other where rows are parted by caller.
pub(crate) const COLUMNS: [ColumnSpec; 21] = [
    spec(RouteColumn::Version, "Version", "Version that answered", false, true, |row| {
        row.version.clone().unwrap_or_else(|| "–".to_owned())
    }),
    spec(RouteColumn::Trend, "Trend", "Requests over the range, failed ones marked", false, true, |_| {
        String::new()
    }),
    spec(RouteColumn::Requests, "Requests", "Finished requests", true, false, |row| {
        format::count(row.requests)
    }),
    spec(RouteColumn::Rate, "Rate", "Requests per second", true, true, |row| format::rate(row.request_rate)),
    spec(RouteColumn::Errors, "Errors", "Share that failed", true, true, |row| {
        format::percent(row.error_rate)
    }),
    spec(RouteColumn::Failed, "Failed", "Requests that failed", true, false, |row| format::count(row.errors)),
    spec(RouteColumn::Attempts, "Attempts", "Tries that were sent", true, false, |row| {
        format::count(row.attempts)
    }),
    spec(RouteColumn::Retries, "Retries", "Tries beyond the first", true, true, |row| {
        format::count(row.retries)
    }),
    spec(RouteColumn::Refused, "Not connected", "Connections that could not be made", true, false, |row| {
        format::count(row.connection_failures)
    }),
    spec(RouteColumn::P50, "p50", "Median", true, true, |row| of(row, |latency| latency.p50)),
    spec(RouteColumn::P75, "p75", "75th percentile", true, false, |row| of(row, |latency| latency.p75)),
    spec(RouteColumn::P90, "p90", "90th percentile", true, false, |row| of(row, |latency| latency.p90)),
    spec(RouteColumn::P95, "p95", "95th percentile", true, false, |row| of(row, |latency| latency.p95)),
    spec(RouteColumn::P99, "p99", "99th percentile", true, true, |row| of(row, |latency| latency.p99)),
    spec(RouteColumn::P999, "p99.9", "99.9th percentile", true, false, |row| of(row, |latency| latency.p999)),
    spec(RouteColumn::Timeouts, "Timeouts", "Timed out: no percentile counts these", true, true, |row| {
        format::count(row.timeouts)
    }),
    spec(RouteColumn::Proxy, "Proxy adds", "Median that the proxies add", true, true, |row| {
        percentile(row.proxy_added.as_ref(), |added| added.p50)
    }),
    spec(RouteColumn::Classes, "Classes", "Answers by class of status", false, false, |row| {
        classes(&row.classes)
    }),
    spec(RouteColumn::Flags, "Flags", "Response flags of Envoy", false, false, |row| named(&row.flags)),
    spec(RouteColumn::Grpc, "gRPC", "gRPC statuses", false, false, |row| named(&row.grpc)),
    spec(RouteColumn::Evidence, "Evidence", "Who tells, and how much of it", false, true, |row| {
        evidence_words(&row.evidence, row.seen_by)
    }),
];

fn of(row: &RouteSummary, of: fn(&Percentiles) -> Quantile) -> String {
    percentile(row.latency.as_ref(), of)
}

/// The columns that a list of names chooses; those that the table has at first where it names none.
pub(crate) fn chosen(names: &str) -> Vec<ColumnSpec> {
    let is_listed = |spec: &&ColumnSpec| names.split(',').any(|name| name == name_of(spec.column));
    let some: Vec<ColumnSpec> = COLUMNS.iter().filter(is_listed).copied().collect();
    if some.is_empty() { COLUMNS.iter().filter(|spec| spec.first).copied().collect() } else { some }
}

/// The name of a column in the URL.
pub(crate) fn name_of(column: RouteColumn) -> &'static str {
    RouteColumn::NAMES.iter().find(|(of, _)| *of == column).map_or("", |(_, name)| name)
}

/// The list of names in which one column was taken out of those chosen, or put in.
pub(crate) fn with_toggled(names: &str, column: RouteColumn) -> String {
    let before = chosen(names);
    let is_chosen = |of: RouteColumn| before.iter().any(|spec| spec.column == of);
    let after = COLUMNS.iter().filter(|spec| is_chosen(spec.column) != (spec.column == column));
    let after: Vec<&ColumnSpec> = after.collect();
    if after.iter().all(|spec| spec.first) && after.len() == COLUMNS.iter().filter(|spec| spec.first).count()
    {
        return String::new();
    }
    after.into_iter().map(|spec| name_of(spec.column)).collect::<Vec<_>>().join(",")
}

/// What tells a row from all others of the service: route, version, caller.
pub(crate) type RouteKey = (String, Option<String>, Option<String>);

/// The key of a row.
pub(crate) fn key(row: &RouteSummary) -> RouteKey {
    (row.route.clone(), row.version.clone(), row.caller.clone())
}

/// Rows that hold every word of a text, whatever the case, in route, version or caller.
pub(crate) fn found<'a>(rows: &'a [RouteSummary], find: &str) -> Vec<&'a RouteSummary> {
    let find = find.to_lowercase();
    let holds = |row: &&RouteSummary| {
        let text = [Some(row.route.as_str()), row.version.as_deref(), row.caller.as_deref()];
        let text = text.into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase();
        find.split_whitespace().all(|word| text.contains(word))
    };
    rows.iter().filter(holds).collect()
}

impl Order<RouteColumn> {
    /// Sorts rows. Equal ones stand by their key, and what is not known stands last in both directions.
    pub(crate) fn sort_routes(self, rows: &mut [&RouteSummary]) {
        rows.sort_by(|a, b| self.compare_routes(a, b).then_with(|| key(a).cmp(&key(b))));
    }

    fn compare_routes(self, a: &RouteSummary, b: &RouteSummary) -> Ordering {
        if let Some(of) = quantile_of(self.column) {
            return self.known(of(a), of(b), f64::total_cmp);
        }
        let by = |value: fn(&RouteSummary) -> f64| self.directed(value(a).total_cmp(&value(b)));
        match self.column {
            RouteColumn::Version => self.known(a.version.as_ref(), b.version.as_ref(), Ord::cmp),
            RouteColumn::Caller => self.known(a.caller.as_ref(), b.caller.as_ref(), Ord::cmp),
            RouteColumn::Requests | RouteColumn::Rate | RouteColumn::Trend => by(|row| row.requests as f64),
            RouteColumn::Errors => by(|row| row.error_rate),
            RouteColumn::Failed => by(|row| row.errors as f64),
            RouteColumn::Attempts => by(|row| row.attempts as f64),
            RouteColumn::Retries => by(|row| row.retries as f64),
            RouteColumn::Refused => by(|row| row.connection_failures as f64),
            RouteColumn::Timeouts => by(|row| row.timeouts as f64),
            RouteColumn::Classes => by(|row| row.classes.server_error as f64),
            RouteColumn::Flags => by(|row| row.flags.iter().map(|flag| flag.count).sum::<u64>() as f64),
            RouteColumn::Grpc => by(|row| row.grpc.iter().map(|status| status.count).sum::<u64>() as f64),
            RouteColumn::Evidence => by(|row| row.evidence.len() as f64),
            _ => self.directed(a.route.cmp(&b.route)),
        }
    }
}

type Known = fn(&RouteSummary) -> Option<f64>;

fn quantile_of(column: RouteColumn) -> Option<Known> {
    let of: Known = match column {
        RouteColumn::P50 => |row| row.latency.map(|latency| latency.p50.ms),
        RouteColumn::P75 => |row| row.latency.map(|latency| latency.p75.ms),
        RouteColumn::P90 => |row| row.latency.map(|latency| latency.p90.ms),
        RouteColumn::P95 => |row| row.latency.map(|latency| latency.p95.ms),
        RouteColumn::P99 => |row| row.latency.map(|latency| latency.p99.ms),
        RouteColumn::P999 => |row| row.latency.map(|latency| latency.p999.ms),
        RouteColumn::Proxy => |row| row.proxy_added.map(|added| added.p50.ms),
        _ => return None,
    };
    Some(of)
}

/// Classes that occurred: `2xx 120, 5xx 3`.
fn classes(classes: &StatusClasses) -> String {
    let all = [
        ("1xx", classes.informational),
        ("2xx", classes.success),
        ("3xx", classes.redirection),
        ("4xx", classes.client_error),
        ("5xx", classes.server_error),
        ("none", classes.none),
    ];
    let there = all.into_iter().filter(|(_, count)| *count > 0);
    let words: Vec<String> = there.map(|(name, count)| format!("{name} {}", format::count(count))).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

/// The sources, best first, with the share of its requests that each of the others saw: `Access log, Traces 4.8 %`.
fn evidence_words(evidence: &[Evidence], seen_by: SeenBy) -> String {
    let word = |(index, one): (usize, &Evidence)| {
        let source = source_word(one.source);
        if index == 0 { source.to_owned() } else { format!("{source} {}", format::percent(one.coverage)) }
    };
    let sources: Vec<String> = evidence.iter().enumerate().map(word).collect();
    match (sources.is_empty(), seen_by) {
        (true, _) => "–".to_owned(),
        (false, SeenBy::Callers) => format!("{} · at the callers", sources.join(", ")),
        (false, SeenBy::Callee) => format!("{} · at the service", sources.join(", ")),
    }
}

/// What a caller's node id says to a person.
pub(crate) fn caller_name(id: &str) -> String {
    NodeId::parse(id).name
}

#[cfg(test)]
mod tests;
