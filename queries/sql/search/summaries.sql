-- The spans of the traces that were found, with what a list shows of them and whether they meet the conditions.
SELECT
    span.trace_hi, span.trace_lo, span.span_id, span.parent_span_id, span.start_ns, span.duration_ns,
    coalesce(shapes.service, ''), coalesce(shapes.version, ''), coalesce(shapes.name, ''),
    coalesce(shapes.method, ''), coalesce(shapes.route, ''), shapes.http_status, shapes.is_error, shapes.is_proxy,
    shape.shape_id IS NOT NULL AND {exact}
FROM found_spans AS span
JOIN shapes ON shapes.shape_id = span.shape_id
LEFT JOIN (FROM search_shapes WHERE {may}) AS shape ON shape.shape_id = span.shape_id
{joins}
