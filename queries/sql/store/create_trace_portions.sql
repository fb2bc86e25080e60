-- The portions of one partition of spans: runs of generations that follow each other, each with a filter that says which
-- traces have no span there. `table` is replaced by the table's name. What comes after the last of them is read always.
CREATE TABLE IF NOT EXISTS {table} (
    first_generation UBIGINT NOT NULL,
    last_generation UBIGINT NOT NULL,
    -- In a form of its own, see trace_index/filter.rs.
    filter BLOB NOT NULL
)
