-- Comparisons of two versions that are judged on and on, as JSON: see rows/watch.rs.
CREATE TABLE store.watches (
    id VARCHAR PRIMARY KEY,
    watch VARCHAR NOT NULL
)
