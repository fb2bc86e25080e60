-- The first log records that name a trace, of a time from `from_ns` to `to_ns`, between which the trace lies with an hour
-- before and behind: other blocks are not read. `rows` is where they may lie.
SELECT
    time_ns,
    span_id,
    CASE
        WHEN severity_text <> '' THEN severity_text
        WHEN severity_number BETWEEN 1 AND 4 THEN 'TRACE'
        WHEN severity_number BETWEEN 5 AND 8 THEN 'DEBUG'
        WHEN severity_number BETWEEN 9 AND 12 THEN 'INFO'
        WHEN severity_number BETWEEN 13 AND 16 THEN 'WARN'
        WHEN severity_number BETWEEN 17 AND 20 THEN 'ERROR'
        WHEN severity_number BETWEEN 21 AND 24 THEN 'FATAL'
        ELSE ''
    END AS severity,
    service,
    body,
    attributes
FROM ({rows})
WHERE time_ns BETWEEN {from_ns} AND {to_ns} AND trace_hi = {trace_hi} AND trace_lo = {trace_lo}
ORDER BY time_ns, span_id
LIMIT {limit}
