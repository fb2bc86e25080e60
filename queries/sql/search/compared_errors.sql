-- How many of the spans found failed.
SELECT count(*)
FROM span_rows
SEMI JOIN found_rows USING (trace_hi, trace_lo, span_id)
JOIN (SELECT shape_id FROM shapes WHERE is_error) USING (shape_id)
WHERE start_ns >= {from_ns} AND start_ns < {to_ns}
