//! A row in the making.

use sidecarta_queries::rows::access_log::{AccessLogRow, Direction};

use crate::route;

/// Bytes of a text in a row; what is longer is cut.
const MAX_TEXT_BYTES: usize = 4096;

/// Bytes of a line that is kept as it came.
const MAX_RAW_BYTES: usize = 4096;

/// Bytes of a route, which the graph shows.
const MAX_ROUTE_BYTES: usize = 512;

/// Attributes a row; what is more is dropped.
const MAX_ATTRIBUTES: usize = 64;

/// Bytes of all attributes of a row together; what is more is dropped.
const MAX_ATTRIBUTES_BYTES: usize = 16 << 10;

/// A row, and what is known of it so far that has no column.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) row: AccessLogRow,
    /// When the request began, ns since 1970.
    pub(super) start_ns: Option<i64>,
    /// A time near the request, ns since 1970.
    pub(super) other_time_ns: Option<i64>,
    /// Whether something was said that only access logs say.
    pub(super) is_access_log: bool,
    duration_unit_ns: Option<u64>,
    upstream_unit_ns: Option<u64>,
    attributes_bytes: usize,
}

impl Draft {
    pub(super) fn set_text(&mut self, column: impl FnOnce(&mut AccessLogRow) -> &mut String, value: &str) {
        cut(value, MAX_TEXT_BYTES).clone_into(column(&mut self.row));
    }

    /// Keeps what has no column.
    pub(super) fn add_attribute(&mut self, key: &str, value: &str) {
        let (key, value) = (cut(key, MAX_ROUTE_BYTES), cut(value, MAX_TEXT_BYTES));
        let bytes = self.attributes_bytes + key.len() + value.len();
        if self.row.attributes.len() < MAX_ATTRIBUTES && bytes <= MAX_ATTRIBUTES_BYTES {
            self.attributes_bytes = bytes;
            self.row.attributes.push((key.to_owned(), value.to_owned()));
        }
    }

    /// Of several durations the most exact one counts.
    pub(super) fn set_duration(&mut self, value: &str, unit_ns: u64) -> Option<()> {
        let duration_ns = duration(value, unit_ns)?;
        // One below zero is none, and a good one that was there stays.
        if self.duration_unit_ns.is_none_or(|present| unit_ns < present)
            && let Ok(duration_ns) = u64::try_from(duration_ns)
        {
            self.row.duration_ns = Some(duration_ns);
            self.duration_unit_ns = Some(unit_ns);
        }
        Some(())
    }

    /// Of several durations the most exact one counts.
    pub(super) fn set_upstream_duration(&mut self, value: &str, unit_ns: u64) -> Option<()> {
        let duration_ns = duration(value, unit_ns)?;
        // One below zero is none, and a good one that was there stays.
        if self.upstream_unit_ns.is_none_or(|present| unit_ns < present)
            && let Ok(duration_ns) = u64::try_from(duration_ns)
        {
            self.row.upstream_duration_ns = Some(duration_ns);
            self.upstream_unit_ns = Some(unit_ns);
        }
        Some(())
    }

    /// The row, with everything that follows from what was set.
    pub(super) fn finish(self, received_at_ns: i64, keeps_query: bool) -> AccessLogRow {
        let mut row = self.row;
        row.start_ns = self.start_ns.or(self.other_time_ns).unwrap_or(received_at_ns);
        // Only connections have neither a request line nor a status.
        if [&row.method, &row.path, &row.protocol].iter().all(|text| text.is_empty())
            && row.response_code == 0
        {
            "TCP".clone_into(&mut row.protocol);
        }
        row.is_whole_ms =
            self.duration_unit_ns.or(self.upstream_unit_ns).is_some_and(|unit| unit >= super::field::MS);
        row.route = cut(&route::of_path(&row.path), MAX_ROUTE_BYTES).to_owned();
        if !keeps_query && let Some(query) = row.path.find(['?', '#']) {
            row.path.truncate(query);
        }
        if row.direction == Direction::Unknown {
            row.direction = direction_by_cluster(&row.upstream_cluster);
        }
        row
    }
}

/// A line that fits no format.
pub(super) fn raw_row(line: &str, received_at_ns: i64) -> AccessLogRow {
    AccessLogRow {
        start_ns: received_at_ns,
        raw: cut(line, MAX_RAW_BYTES).to_owned(),
        ..AccessLogRow::default()
    }
}

/// In Istio and App Mesh the cluster's name tells which way a request went.
fn direction_by_cluster(cluster: &str) -> Direction {
    let starts_with = |prefixes: [&str; 2]| prefixes.iter().any(|prefix| cluster.starts_with(prefix));
    if starts_with(["inbound|", "cds_ingress_"]) {
        Direction::Inbound
    } else if starts_with(["outbound|", "cds_egress_"]) {
        Direction::Outbound
    } else {
        Direction::Unknown
    }
}

/// A duration in ns, which is less than nothing where a clock went backwards. Other writers than Envoy have fractions.
fn duration(value: &str, unit_ns: u64) -> Option<i64> {
    if let Ok(whole) = value.parse::<i64>() {
        return whole.checked_mul(i64::try_from(unit_ns).ok()?);
    }
    let ns = value.parse::<f64>().ok()? * unit_ns as f64;
    (ns.abs() < i64::MAX as f64).then_some(ns.round() as i64)
}

/// The start of a text, not more than `max_bytes` long.
pub(super) fn cut(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_duration_counts() {
        for order in [[("12", 1_000_000), ("12345", 1_000)], [("12345", 1_000), ("12", 1_000_000)]] {
            let mut draft = Draft::default();
            for (value, unit) in order {
                draft.set_duration(value, unit).unwrap();
            }
            let row = draft.finish(0, false);
            assert_eq!((row.duration_ns, row.is_whole_ms), (Some(12_345_000), false));
        }
    }

    #[test]
    fn durations_are_whole_fractional_or_none() {
        assert_eq!(duration("5", 1_000_000), Some(5_000_000));
        assert_eq!(duration("0.25", 1_000_000), Some(250_000));
        let mut draft = Draft::default();
        assert_eq!(
            (draft.set_duration("-3", 1_000), draft.set_upstream_duration("-0.5", 1_000)),
            (Some(()), Some(()))
        );
        assert_eq!((draft.row.duration_ns, draft.row.upstream_duration_ns), (None, None));
        for bad in ["", "soon", "NaN", "inf", "1e300", "9223372036854775807"] {
            assert_eq!(duration(bad, 1_000_000), None, "{bad}");
        }
    }

    #[test]
    fn a_path_loses_its_query_and_gives_its_route() {
        let row = |keeps_query| {
            let mut draft = Draft::default();
            draft.set_text(|row| &mut row.path, "/orders/17?token=secret");
            draft.finish(7, keeps_query)
        };
        assert_eq!((row(false).path.as_str(), row(false).route.as_str()), ("/orders/17", "/orders/{id}"));
        assert_eq!((row(true).path.as_str(), row(true).start_ns), ("/orders/17?token=secret", 7));
    }

    #[test]
    fn names_of_a_mesh_tell_the_direction() {
        for (cluster, direction) in [
            ("inbound|8080||", Direction::Inbound),
            ("cds_egress_mesh_node_http_80", Direction::Outbound),
            ("orders", Direction::Unknown),
        ] {
            let mut draft = Draft::default();
            draft.row.upstream_cluster = cluster.to_owned();
            assert_eq!(draft.finish(0, false).direction, direction, "{cluster}");
        }
    }

    #[test]
    fn a_row_is_bounded() {
        let mut draft = Draft::default();
        let long = "é".repeat(10_000);
        for _ in 0..1_000 {
            draft.add_attribute(&long, &long);
        }
        draft.set_text(|row| &mut row.user_agent, &long);
        let row = draft.finish(0, false);
        assert!(row.attributes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() <= 16 << 10);
        assert_eq!((row.user_agent.len(), raw_row(&long, 0).raw.len()), (4096, 4096));
    }
}
