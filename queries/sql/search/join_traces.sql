LEFT JOIN any_{number} ON any_{number}.trace_hi = span.trace_hi AND any_{number}.trace_lo = span.trace_lo
