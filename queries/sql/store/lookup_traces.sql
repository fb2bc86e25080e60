-- What the graph needs of the stored spans of the traces in lookup_traces.
WITH found AS MATERIALIZED (
    FROM span_rows
    SEMI JOIN lookup_traces USING (trace_hi, trace_lo)
)
SELECT
    trace_hi, trace_lo, span_id, parent_span_id, start_ns, duration_ns, kind, protocol, peer_kind, is_error, is_timeout,
    is_proxy, coalesce(service, ''), coalesce(namespace, ''), coalesce(version, ''), coalesce(environment, ''),
    coalesce(peer_system, ''), coalesce(peer, ''), attributes['upstream_cluster'], attributes['node_id'], is_xray,
    coalesce(method, ''), coalesce(route, ''), http_status,
    array_to_string(list_transform(list_filter(
        map_entries(attributes),
        lambda entry: entry.key IN (
            'rpc.status_code', 'rpc.response.status_code', 'rpc.grpc.status_code', 'grpc.status_code'
        )
    ), lambda entry: entry.value), ','),
    attributes['response_flags']
FROM found
JOIN shapes USING (shape_id)
