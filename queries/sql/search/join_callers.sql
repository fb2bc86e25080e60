LEFT JOIN edge_{number}
    ON edge_{number}.trace_hi = span.trace_hi AND edge_{number}.trace_lo = span.trace_lo
    AND edge_{number}.span_id = span.parent_span_id
