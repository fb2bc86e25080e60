//! The order of tables, and that of the services.

use std::cmp::Ordering;

use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::services::ServiceSummary;

/// What a table can be sorted by.
pub(crate) trait TableColumn: Copy + PartialEq + Send + Sync + 'static {
    /// Every column with its name in the URL.
    const NAMES: &'static [(Self, &'static str)];

    /// Whether the first click on its head puts the largest first.
    fn descends_first(self) -> bool;
}

/// A column that the services can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Name, A to Z.
    Name,
    /// Worst first.
    Health,
    /// Requests per second.
    Rate,
    /// Share of requests that failed.
    Errors,
    /// Median latency.
    P50,
    /// 99th percentile.
    P99,
    /// Number of callers.
    Callers,
    /// Number of callees.
    Callees,
}

impl TableColumn for Column {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Name, "name"),
        (Self::Health, "health"),
        (Self::Rate, "rate"),
        (Self::Errors, "errors"),
        (Self::P50, "p50"),
        (Self::P99, "p99"),
        (Self::Callers, "callers"),
        (Self::Callees, "callees"),
    ];

    fn descends_first(self) -> bool {
        self != Self::Name
    }
}

/// A column and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order<C> {
    /// What is compared.
    pub(crate) column: C,
    /// Whether the largest comes first.
    pub(crate) descending: bool,
}

impl<C: TableColumn> Order<C> {
    /// What a click on a column's head makes of the order: the other direction, or the column's own first one.
    pub(crate) fn clicked(self, column: C) -> Self {
        if self.column == column {
            return Self { descending: !self.descending, ..self };
        }
        Self { column, descending: column.descends_first() }
    }

    /// Reads what [`Order::written`] wrote; nothing where no column has that name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let (column, _) = C::NAMES.iter().find(|(_, of)| *of == name)?;
        Some(Self { column: *column, descending })
    }

    /// The order in the URL: the column's name, behind a minus where the largest comes first.
    pub(crate) fn written(self) -> String {
        let name = C::NAMES.iter().find(|(column, _)| *column == self.column).map_or("", |(_, name)| name);
        format!("{}{name}", if self.descending { "-" } else { "" })
    }

    /// Compares what may not be known, which stands last in both directions.
    pub(crate) fn known<T>(
        self,
        a: Option<T>,
        b: Option<T>,
        compare: impl FnOnce(&T, &T) -> Ordering,
    ) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => self.directed(compare(&a, &b)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// Turns an ascending order round where the largest comes first.
    pub(crate) fn directed(self, order: Ordering) -> Ordering {
        if self.descending { order.reverse() } else { order }
    }
}

impl Order<Column> {
    /// Sorts rows. Equal rows stand by name, and what is not known stands last in both directions.
    pub(crate) fn sort(self, rows: &mut [ServiceSummary]) {
        rows.sort_by(|a, b| self.compare(a, b).then_with(|| a.name.cmp(&b.name)));
    }

    fn compare(self, a: &ServiceSummary, b: &ServiceSummary) -> Ordering {
        match self.column {
            Column::Name => self.directed(a.name.cmp(&b.name)),
            Column::Health => self.directed(severity(a.health).cmp(&severity(b.health))),
            Column::Rate => self.directed(a.request_rate.total_cmp(&b.request_rate)),
            Column::Errors => self.directed(a.error_rate.total_cmp(&b.error_rate)),
            Column::P50 => self.known(a.p50_ms, b.p50_ms, f64::total_cmp),
            Column::P99 => self.known(a.p99_ms, b.p99_ms, f64::total_cmp),
            Column::Callers => self.directed(a.callers.cmp(&b.callers)),
            Column::Callees => self.directed(a.callees.cmp(&b.callees)),
        }
    }
}

fn severity(health: Health) -> u8 {
    match health {
        Health::Idle => 0,
        Health::Healthy => 1,
        Health::Degraded => 2,
        Health::Failing => 3,
    }
}

/// Rows whose name holds a text, whatever the case, and that are of a wanted health.
pub(crate) fn filtered(rows: &[ServiceSummary], find: &str, unhealthy: bool) -> Vec<ServiceSummary> {
    let find = find.trim().to_lowercase();
    rows.iter()
        .filter(|row| row.name.to_lowercase().contains(&find))
        .filter(|row| !unhealthy || severity(row.health) > 1)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, rate: f64, p99_ms: Option<f64>, health: Health) -> ServiceSummary {
        ServiceSummary {
            name: name.to_owned(),
            request_rate: rate,
            p99_ms,
            health,
            ..ServiceSummary::default()
        }
    }

    fn sorted(column: Column, descending: bool) -> Vec<String> {
        let mut rows = vec![
            row("b", 1.0, None, Health::Healthy),
            row("a", 3.0, Some(9.0), Health::Failing),
            row("c", 2.0, Some(4.0), Health::Idle),
        ];
        Order { column, descending }.sort(&mut rows);
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn rows_sort_in_both_directions() {
        assert_eq!(sorted(Column::Name, false), ["a", "b", "c"]);
        assert_eq!(sorted(Column::Rate, true), ["a", "c", "b"]);
        assert_eq!(sorted(Column::Health, true), ["a", "b", "c"]);
    }

    #[test]
    fn what_is_not_known_comes_last_either_way() {
        assert_eq!(sorted(Column::P99, true), ["a", "c", "b"]);
        assert_eq!(sorted(Column::P99, false), ["c", "a", "b"]);
    }

    #[test]
    fn a_second_click_turns_the_order_round() {
        let first = Order { column: Column::Name, descending: false }.clicked(Column::Rate);
        assert_eq!(first, Order { column: Column::Rate, descending: true });
        assert!(!first.clicked(Column::Rate).descending);
    }

    #[test]
    fn an_order_comes_back_from_the_url() {
        for (column, _) in Column::NAMES {
            for descending in [false, true] {
                let order = Order { column: *column, descending };
                assert_eq!(Order::parse(&order.written()), Some(order));
            }
        }
        assert_eq!(Order::<Column>::parse("colour"), None);
        assert_eq!(Order::<Column>::parse(""), None);
    }

    #[test]
    fn rows_are_filtered_by_name_and_health() {
        let rows = [row("Orders", 1.0, None, Health::Failing), row("web", 1.0, None, Health::Healthy)];
        assert_eq!(filtered(&rows, "ord", false).len(), 1);
        assert_eq!(filtered(&rows, "", true).len(), 1);
        assert_eq!(filtered(&rows, "", false).len(), 2);
    }
}
