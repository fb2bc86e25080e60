-- Of a trace that has too many spans those that start first. `found` is spans.sql.
{found}
ORDER BY start_ns, span_id
LIMIT {limit}
