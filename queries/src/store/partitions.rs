//! Spans and their shapes lie in one pair of tables a day of arrival, since only a dropped table gives its space back.

use duckdb::Connection;

use super::{StoreError, database};

const CREATE_SPANS: &str = include_str!("../../sql/store/create_spans.sql");
const CREATE_SHAPES: &str = include_str!("../../sql/store/create_shapes.sql");
const VIEWS: &str = include_str!("../../sql/store/view_spans.sql");

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
        Ok(Self { days: list().map_err(database("list its partitions"))? })
    }

    /// Creates the partition of a day where it is missing.
    pub(super) fn ensure(&mut self, connection: &Connection, day: &str) -> Result<(), StoreError> {
        if self.days.iter().any(|known| known == day) {
            return Ok(());
        }
        let create = [
            CREATE_SPANS.replace("{table}", &format!("store.spans_{day}")),
            CREATE_SHAPES.replace("{table}", &format!("store.shapes_{day}")),
        ];
        connection.execute_batch(&create.join(";\n")).map_err(database("add a partition"))?;
        self.days.push(day.to_owned());
        // Before the first row goes there, so that no query misses one.
        self.refresh_views(connection)
    }

    /// Makes the views read all partitions and what is in memory.
    pub(super) fn refresh_views(&self, connection: &Connection) -> Result<(), StoreError> {
        let view = |name: &str, table: &str| {
            let stored = self.days.iter().map(|day| format!("FROM store.{table}_{day}"));
            let hot = (0..2).map(|generation| {
                let table = format!("hot_{table}_{generation}");
                include_str!("../../sql/store/hot_part.sql").replace("{table}", &table)
            });
            let parts: Vec<String> = stored.chain(hot).collect();
            format!("CREATE OR REPLACE VIEW {name} AS {}", parts.join("\nUNION ALL\n"))
        };
        let views = [view("span_rows", "spans"), view("shapes", "shapes"), VIEWS.to_owned()];
        connection.execute_batch(&views.join(";\n")).map_err(database("refresh its views"))
    }
}

/// The day of arrival that rows of this time belong to.
pub(super) fn day_of(time: jiff::Timestamp) -> String {
    time.strftime("%Y%m%d").to_string()
}

/// Empties the in-memory tables of every second generation.
pub(super) fn empty_hot(connection: &Connection, generation: u64) -> Result<(), StoreError> {
    for (name, create) in [("spans", CREATE_SPANS), ("shapes", CREATE_SHAPES)] {
        let table = format!("hot_{name}_{}", generation % 2);
        let create =
            create.replace("CREATE TABLE IF NOT EXISTS {table}", &format!("CREATE OR REPLACE TABLE {table}"));
        let empty = include_str!("../../sql/store/empty_hot.sql")
            .replace("{create}", &create)
            .replace("{table}", &table);
        connection.execute_batch(&empty).map_err(database("empty its memory"))?;
    }
    Ok(())
}
