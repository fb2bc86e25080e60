-- The spans of the service that calls in edge(…), `number`; as far as `limit` goes.
CREATE OR REPLACE TEMP TABLE edge_{number} AS
SELECT trace_hi, trace_lo, span_id, count(*) AS spans
FROM (
    SELECT span.trace_hi, span.trace_lo, span.span_id
    FROM {source} AS span
    JOIN (FROM search_shapes WHERE caller_{number}) AS shape USING (shape_id)
    WHERE span.start_ns >= {from_ns} AND span.start_ns < {to_ns}
    LIMIT {limit}
)
GROUP BY trace_hi, trace_lo, span_id
