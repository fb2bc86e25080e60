//! Spans with their shapes, log records, data points, access logs and verdicts lie in tables of their own for each day of arrival,
//! since only a dropped table gives its space back.

use duckdb::Connection;

use super::{StoreError, database};

/// One kind of rows.
struct Kind {
    /// Beginning of its tables' names.
    table: &'static str,
    /// The view over all of them.
    view: &'static str,
    create: &'static str,
}

const KINDS: [Kind; 6] = [
    Kind { table: "spans", view: "span_rows", create: include_str!("../../sql/store/create_spans.sql") },
    Kind { table: "shapes", view: "shapes", create: include_str!("../../sql/store/create_shapes.sql") },
    Kind { table: "logs", view: "log_rows", create: include_str!("../../sql/store/create_logs.sql") },
    Kind {
        table: "metrics",
        view: "metric_rows",
        create: include_str!("../../sql/store/create_metrics.sql"),
    },
    Kind {
        table: "access_logs",
        view: "access_log_rows",
        create: include_str!("../../sql/store/create_access_logs.sql"),
    },
    Kind {
        table: "verdicts",
        view: "verdict_rows",
        create: include_str!("../../sql/store/create_verdicts.sql"),
    },
];

/// What users see.
const VIEWS: [&str; 3] = [
    include_str!("../../sql/store/view_spans.sql"),
    include_str!("../../sql/store/view_logs.sql"),
    include_str!("../../sql/store/view_verdicts.sql"),
];

/// The days that have a partition in the file, oldest first, each `YYYYMMDD`.
#[derive(Debug)]
pub(super) struct Partitions {
    days: Vec<String>,
}

impl Partitions {
    /// Lists the partitions and creates their in-memory counterparts.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        for generation in 0..2 {
            empty_hot(connection, generation)?;
        }
        let list = || {
            let mut statement = connection.prepare(include_str!("../../sql/store/list_partitions.sql"))?;
            statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
        };
        let days = list().map_err(database("list its partitions"))?;
        // Those of an older version lack the tables and columns that came later.
        days.iter().try_for_each(|day| create(connection, day))?;
        Ok(Self { days })
    }

    /// The days, oldest first.
    pub(super) fn days(&self) -> &[String] {
        &self.days
    }

    /// Creates the partition of a day where it is missing.
    pub(super) fn ensure(&mut self, connection: &Connection, day: &str) -> Result<(), StoreError> {
        if self.days.iter().any(|known| known == day) {
            return Ok(());
        }
        create(connection, day)?;
        self.days.push(day.to_owned());
        // Before the first row goes there, so that no query misses one.
        self.refresh_views(connection)
    }

    /// Makes the views read all partitions and what is in memory.
    pub(super) fn refresh_views(&self, connection: &Connection) -> Result<(), StoreError> {
        let view = |name: &str, table: &str| {
            let stored = self.days.iter().map(|day| match table {
                "spans" => include_str!("../../sql/store/spans_part.sql")
                    .replace("{table}", &format!("store.spans_{day}")),
                _ => format!("FROM store.{table}_{day}"),
            });
            let hot = (0..2).map(|generation| {
                let table = format!("hot_{table}_{generation}");
                include_str!("../../sql/store/hot_part.sql").replace("{table}", &table)
            });
            let parts: Vec<String> = stored.chain(hot).collect();
            format!("CREATE OR REPLACE VIEW {name} AS {}", parts.join("\nUNION ALL\n"))
        };
        let views = KINDS.iter().map(|kind| view(kind.view, kind.table));
        let views: Vec<String> = views.chain(VIEWS.map(str::to_owned)).collect();
        connection.execute_batch(&views.join(";\n")).map_err(database("refresh its views"))
    }
}

/// Creates the tables of a day where they are missing, and the columns that an older version did not have.
fn create(connection: &Connection, day: &str) -> Result<(), StoreError> {
    let in_table = |sql: &str, table: &str| sql.replace("{table}", &format!("store.{table}_{day}"));
    let tables = KINDS.iter().map(|kind| in_table(kind.create, kind.table));
    let portions = in_table(include_str!("../../sql/store/create_trace_portions.sql"), "trace_portions");
    let columns = [
        in_table(include_str!("../../sql/store/complete_shapes.sql"), "shapes"),
        in_table(include_str!("../../sql/store/complete_spans.sql"), "spans"),
    ];
    let create: Vec<String> = tables.chain([portions]).chain(columns).collect();
    connection.execute_batch(&create.join(";\n")).map_err(database("add a partition"))
}

/// The day of arrival that rows of this time belong to.
pub(super) fn day_of(time: jiff::Timestamp) -> String {
    time.strftime("%Y%m%d").to_string()
}

/// Empties the in-memory tables of every second generation.
pub(super) fn empty_hot(connection: &Connection, generation: u64) -> Result<(), StoreError> {
    for Kind { table, create, .. } in KINDS {
        let table = format!("hot_{table}_{}", generation % 2);
        let create =
            create.replace("CREATE TABLE IF NOT EXISTS {table}", &format!("CREATE OR REPLACE TABLE {table}"));
        let empty = include_str!("../../sql/store/empty_hot.sql")
            .replace("{create}", &create)
            .replace("{table}", &table);
        connection.execute_batch(&empty).map_err(database("empty its memory"))?;
    }
    Ok(())
}
