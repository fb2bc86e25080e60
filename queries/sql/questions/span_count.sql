-- Number of spans.
SELECT count(*) FROM raw_spans
