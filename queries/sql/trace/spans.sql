-- The spans of one trace as they lie, where `spans` is where they may lie.
SELECT
    span_id,
    parent_span_id,
    start_ns,
    duration_ns,
    shape_id,
    uuid::VARCHAR AS uuid,
    value_1,
    value_2,
    value_3,
    value_4,
    value_5,
    status_message,
    events,
    links,
    tail
FROM ({spans})
WHERE trace_hi = {trace_hi} AND trace_lo = {trace_lo}
