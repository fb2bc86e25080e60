-- How many spans of a piece of time meet the conditions.
SELECT count(*)
FROM span_rows AS span
JOIN (FROM search_shapes WHERE {may}) AS shape USING (shape_id)
{joins}
WHERE span.start_ns >= {from_ns} AND span.start_ns < {to_ns} AND {exact}
