-- The part of a generation in memory that the file does not hold. `table` is its table.
SELECT * EXCLUDE (generation)
FROM {table}
WHERE generation > (SELECT generation FROM store.progress)
