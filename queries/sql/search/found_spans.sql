-- The spans of the traces that were found, as far as `limit` goes.
CREATE OR REPLACE TEMP TABLE found_spans AS
SELECT span.* EXCLUDE (events, links)
FROM span_rows AS span
SEMI JOIN found_traces USING (trace_hi, trace_lo)
WHERE span.start_ns >= {from_ns} AND span.start_ns < {to_ns}
LIMIT {limit}
