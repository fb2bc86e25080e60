-- Spans of a piece of time that meet the conditions: the first ones by `order`, behind those given before. `exact` may be
-- met by some more where a set was too large to be made.
SELECT span.trace_hi, span.trace_lo, span.span_id, span.start_ns, span.duration_ns
FROM span_rows AS span
JOIN (FROM search_shapes WHERE {may}) AS shape USING (shape_id)
{joins}
WHERE span.start_ns >= {from_ns} AND span.start_ns < {to_ns} AND {after} AND {exact}
ORDER BY {order} DESC, trace_hi DESC, trace_lo DESC, span_id DESC
LIMIT {limit}
