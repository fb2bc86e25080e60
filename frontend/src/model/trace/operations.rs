//! Where the time went, by service and by operation.

use std::collections::BTreeMap;

use super::TraceModel;
use crate::model::sorting::{Order, TableColumn};

/// Spans of one service, or of one operation of it, together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    /// The service.
    pub(crate) service: String,
    /// The operation; none for the whole service.
    pub(crate) name: Option<String>,
    /// Spans.
    pub(crate) count: u64,
    /// Their durations, ns. Spans inside each other count each for itself.
    pub(crate) sum_ns: u64,
    /// The part of them in which no child was at work, ns.
    pub(crate) self_ns: u64,
    /// The part of them on the critical path, ns.
    pub(crate) critical_ns: u64,
    /// Spans that failed.
    pub(crate) errors: u64,
}

/// A column that totals can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TotalColumn {
    /// Service, then operation, A to Z.
    Name,
    /// Spans.
    Count,
    /// Time altogether.
    Total,
    /// Time in which no child was at work.
    Own,
    /// Time on the critical path.
    Critical,
    /// Spans that failed.
    Errors,
}

impl TableColumn for TotalColumn {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Name, "name"),
        (Self::Count, "count"),
        (Self::Total, "total"),
        (Self::Own, "self"),
        (Self::Critical, "critical"),
        (Self::Errors, "errors"),
    ];

    fn descends_first(self) -> bool {
        self != Self::Name
    }
}

impl Order<TotalColumn> {
    /// Sorts totals; equal ones stand by name.
    pub(crate) fn sort(self, totals: &mut [Total]) {
        totals.sort_by(|a, b| {
            let name = |total: &Total| (total.service.clone(), total.name.clone());
            let number = |total: &Total| match self.column {
                TotalColumn::Name => 0,
                TotalColumn::Count => total.count,
                TotalColumn::Total => total.sum_ns,
                TotalColumn::Own => total.self_ns,
                TotalColumn::Critical => total.critical_ns,
                TotalColumn::Errors => total.errors,
            };
            let by_name = name(a).cmp(&name(b));
            if self.column == TotalColumn::Name {
                return self.directed(by_name);
            }
            self.directed(number(a).cmp(&number(b))).then(by_name)
        });
    }
}

/// Adds up the spans of a trace by operation, or by service alone.
pub(crate) fn totals(model: &TraceModel, by_operation: bool) -> Vec<Total> {
    let mut totals: BTreeMap<(&str, Option<&str>), Total> = BTreeMap::new();
    for (at, span) in model.trace.spans.iter().enumerate() {
        let name = by_operation.then_some(span.name.as_str());
        let total = totals.entry((&span.service, name)).or_insert_with(|| Total {
            service: span.service.clone(),
            name: name.map(str::to_owned),
            ..Total::default()
        });
        total.count += 1;
        total.sum_ns = total.sum_ns.saturating_add(span.duration_ns);
        total.self_ns = total.self_ns.saturating_add(span.self_ns);
        total.errors += u64::from(span.is_error);
        for piece in &model.critical[at] {
            total.critical_ns = total.critical_ns.saturating_add(piece.duration_ns);
        }
    }
    totals.into_values().collect()
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::traces::CriticalPiece;

    use super::super::samples::{RETRIED, trace};
    use super::*;

    fn sample() -> TraceModel {
        let mut raw = trace(RETRIED).trace;
        raw.spans.iter_mut().for_each(|span| span.self_ns = 1);
        raw.critical_path = vec![
            CriticalPiece { span: 0, offset_ns: 0, duration_ns: 5 },
            CriticalPiece { span: 8, offset_ns: 5, duration_ns: 7 },
            CriticalPiece { span: 0, offset_ns: 12, duration_ns: 2 },
            CriticalPiece { span: 99, offset_ns: 12, duration_ns: 2 },
        ];
        TraceModel::new(raw)
    }

    #[test]
    fn spans_add_up_by_service_and_by_operation() {
        let services = totals(&sample(), false);
        let numbers: Vec<_> = services
            .iter()
            .map(|total| {
                (total.service.as_str(), total.count, total.self_ns, total.critical_ns, total.errors)
            })
            .collect();
        assert_eq!(numbers, [("orders", 4, 4, 7, 1), ("web", 5, 5, 7, 1)]);
        let operations = totals(&sample(), true);
        assert_eq!(operations.len(), 3);
        assert_eq!(operations.iter().map(|total| total.count).sum::<u64>(), 9);
    }

    #[test]
    fn totals_sort_in_both_directions() {
        let sorted = |text: &str| {
            let mut rows = totals(&sample(), true);
            Order::<TotalColumn>::parse(text).unwrap().sort(&mut rows);
            rows.into_iter().filter_map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(sorted("-count"), ["orders server", "web client", "web server"]);
        assert_eq!(sorted("count"), ["web server", "web client", "orders server"]);
        assert_eq!(sorted("name"), ["orders server", "web client", "web server"]);
        assert_eq!(sorted("-errors"), ["orders server", "web client", "web server"]);
    }
}
