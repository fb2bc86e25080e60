-- How far each source that is read piece by piece has been stored: log files, log groups.
CREATE TABLE store.cursors (
    source VARCHAR PRIMARY KEY,
    -- In a form of the source's own.
    position BLOB NOT NULL
)
