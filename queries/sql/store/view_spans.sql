-- Spans with their shapes: raw_spans as they lie, spans as users see them. span_rows and shapes are all partitions and
-- what is in memory.
CREATE OR REPLACE VIEW raw_spans AS
FROM span_rows
JOIN shapes USING (shape_id);

CREATE OR REPLACE VIEW spans AS
SELECT
    format('{:016x}{:016x}', trace_hi, trace_lo) AS trace_id,
    format('{:016x}', span_id) AS span_id,
    CASE WHEN parent_span_id <> 0 THEN format('{:016x}', parent_span_id) END AS parent_span_id,
    make_timestamp_ns(start_ns) AS start_time,
    duration_ns,
    service,
    namespace,
    version,
    instance,
    environment,
    CASE kind
        WHEN 1 THEN 'INTERNAL' WHEN 2 THEN 'SERVER' WHEN 3 THEN 'CLIENT' WHEN 4 THEN 'PRODUCER' WHEN 5 THEN 'CONSUMER'
        ELSE 'UNSPECIFIED'
    END AS kind,
    name,
    route,
    method,
    nullif(http_status, 0) AS http_status,
    CASE status WHEN 1 THEN 'OK' WHEN 2 THEN 'ERROR' ELSE 'UNSET' END AS status_code,
    status_message,
    is_error,
    is_timeout,
    is_proxy,
    peer,
    scope,
    map_concat(
        attributes,
        map_from_entries(list_filter([
            {'key': slots[1], 'value': value_1},
            {'key': slots[2], 'value': value_2},
            {'key': slots[3], 'value': value_3},
            {'key': slots[4], 'value': value_4},
            {'key': slots[5], 'value': value_5},
            {'key': uuid_key, 'value': uuid::VARCHAR}
        ], lambda entry: entry.value IS NOT NULL)),
        coalesce(tail, MAP {})
    ) AS attributes,
    resource_id,
    events,
    links,
    CASE WHEN is_xray THEN 'xray' ELSE 'trace' END AS evidence
FROM raw_spans
