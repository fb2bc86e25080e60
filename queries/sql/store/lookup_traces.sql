-- What the graph needs of the stored spans of the traces in lookup_traces.
SELECT
    trace_hi, trace_lo, span_id, parent_span_id, start_ns, duration_ns, kind, protocol, peer_kind, is_error, is_timeout,
    is_proxy, coalesce(service, ''), coalesce(namespace, ''), coalesce(version, ''), coalesce(environment, ''),
    coalesce(peer_system, ''), coalesce(peer, ''), "@upstream_cluster", "@node_id"
FROM raw_spans
SEMI JOIN lookup_traces USING (trace_hi, trace_lo)
