-- The traces of which some span meets the conditions within any(…), `number`; as far as `limit` spans go.
CREATE OR REPLACE TEMP TABLE any_{number} AS
SELECT trace_hi, trace_lo, count(*) AS spans
FROM (
    SELECT span.trace_hi, span.trace_lo
    FROM {source} AS span
    JOIN (FROM search_shapes WHERE {may}) AS shape USING (shape_id)
    {joins}
    WHERE span.start_ns >= {from_ns} AND span.start_ns < {to_ns} AND {exact}
    LIMIT {limit}
)
GROUP BY trace_hi, trace_lo
