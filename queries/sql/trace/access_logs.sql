-- The first lines of access logs that name a trace, likewise.
SELECT
    start_ns,
    span_id,
    duration_ns,
    CASE WHEN is_error THEN 'ERROR' WHEN raw = '' THEN 'INFO' ELSE '' END AS severity,
    CASE WHEN node_cluster <> '' THEN node_cluster ELSE node_id END AS service,
    CASE WHEN raw <> '' THEN raw
    ELSE concat_ws(
        ' ',
        nullif(method, ''),
        nullif(path, ''),
        nullif(response_code, 0)::VARCHAR,
        nullif(nullif(response_flags, ''), '-')
    ) END AS body,
    map_concat(attributes, map_from_entries(list_filter([
        {'key': 'authority', 'value': authority},
        {'key': 'direction', 'value': CASE direction WHEN 1 THEN 'INBOUND' WHEN 2 THEN 'OUTBOUND' ELSE '' END},
        {'key': 'downstream_address', 'value': downstream_address},
        {'key': 'grpc_status', 'value': coalesce(grpc_status::VARCHAR, '')},
        {'key': 'node_id', 'value': node_id},
        {'key': 'protocol', 'value': protocol},
        {'key': 'request_id', 'value': request_id},
        {'key': 'response_code_details', 'value': response_code_details},
        {'key': 'route', 'value': route},
        {'key': 'upstream_cluster', 'value': upstream_cluster},
        {'key': 'upstream_failure', 'value': upstream_failure},
        {'key': 'upstream_host', 'value': upstream_host},
        {'key': 'user_agent', 'value': user_agent}
    ], lambda entry: entry.value <> ''))) AS attributes
FROM ({rows})
WHERE start_ns BETWEEN {from_ns} AND {to_ns} AND trace_hi = {trace_hi} AND trace_lo = {trace_lo}
ORDER BY start_ns, span_id
LIMIT {limit}
