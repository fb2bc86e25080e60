-- The days that have a partition of spans, oldest first.
SELECT substr(table_name, 7)
FROM duckdb_tables()
WHERE database_name = 'store' AND starts_with(table_name, 'spans_')
ORDER BY table_name
