-- Number of spans.
SELECT count(*) FROM span_rows
