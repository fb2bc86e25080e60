//! Spans lie in one table a day of arrival, since only a dropped table gives its space back.

use duckdb::Connection;

use super::{StoreError, database};

const CREATE: &str = include_str!("../../sql/store/create_spans.sql");
const PUBLIC_VIEW: &str = include_str!("../../sql/store/view_spans.sql");

/// The partitions that exist in the file.
#[derive(Debug)]
pub(super) struct Partitions {
    names: Vec<String>,
}

impl Partitions {
    /// Lists the partitions and creates their in-memory counterparts.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        for generation in 0..2 {
            reset_hot_spans(connection, generation)?;
        }
        let list = || {
            let mut statement = connection.prepare(include_str!("../../sql/store/list_partitions.sql"))?;
            statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
        };
        Ok(Self { names: list().map_err(database("list its partitions"))? })
    }

    /// The partition of the day of this time, which is created where it is missing.
    pub(super) fn for_time(
        &mut self,
        connection: &Connection,
        now: jiff::Timestamp,
    ) -> Result<String, StoreError> {
        let name = format!("spans_{}", now.strftime("%Y%m%d"));
        if !self.names.contains(&name) {
            let table = format!("store.{name}");
            connection
                .execute_batch(&CREATE.replace("{table}", &table))
                .map_err(database("add a partition"))?;
            self.names.push(name.clone());
            // Before the first row goes there, so that no query misses one.
            self.refresh_views(connection)?;
        }
        Ok(name)
    }

    /// Makes the views read all partitions and what is in memory.
    pub(super) fn refresh_views(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut parts: Vec<String> = self.names.iter().map(|name| format!("FROM store.{name}")).collect();
        for generation in 0..2 {
            let table = format!("hot_spans_{generation}");
            parts.push(include_str!("../../sql/store/hot_part.sql").replace("{table}", &table));
        }
        let view =
            format!("CREATE OR REPLACE VIEW raw_spans AS {};{PUBLIC_VIEW}", parts.join("\nUNION ALL\n"));
        connection.execute_batch(&view).map_err(database("refresh its views"))
    }
}

/// Empties the in-memory table of every second generation.
pub(super) fn reset_hot_spans(connection: &Connection, generation: u64) -> Result<(), StoreError> {
    let table = format!("hot_spans_{}", generation % 2);
    let create =
        CREATE.replace("CREATE TABLE IF NOT EXISTS {table}", &format!("CREATE OR REPLACE TABLE {table}"));
    let empty = include_str!("../../sql/store/empty_hot_spans.sql")
        .replace("{create}", &create)
        .replace("{table}", &table);
    connection.execute_batch(&empty).map_err(database("empty its memory"))
}
