-- The partitions of spans, oldest first.
SELECT table_name
FROM duckdb_tables()
WHERE database_name = 'store' AND starts_with(table_name, 'spans_')
ORDER BY table_name
