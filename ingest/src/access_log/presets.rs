//! Formats that go by a name.

use super::format::{Format, FormatError};

/// Envoy's own format, where none is configured.
pub(super) const ENVOY: &str = r#"[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%""#;

/// Istio's text format.
const ISTIO: &str = r#"[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%"#;

/// The text format of ECS Service Connect for HTTP. It has no response flags.
const SERVICE_CONNECT_HTTP: &str = r#"[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%""#;

/// That for HTTP/2.
const SERVICE_CONNECT_HTTP2: &str = r#"[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" "%STREAM_ID%""#;

/// That for gRPC.
const SERVICE_CONNECT_GRPC: &str = r#"[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %GRPC_STATUS()% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" "%STREAM_ID%""#;

/// That for TCP.
const SERVICE_CONNECT_TCP: &str = "[%START_TIME%] %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_PORT% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %CONNECTION_TERMINATION_DETAILS% %CONNECTION_ID%";

/// What every format for HTTP begins with that anybody has thought of; the rest may be anything.
const REQUEST_LINE: &str = "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%";

/// The text formats of a preset, in the order in which they are tried. `None` if there is no such preset.
///
/// A line of Service Connect that goes on after what is documented is read as far as it is, and the rest is kept.
pub(super) fn text_formats(name: &str) -> Option<Result<Vec<Format>, FormatError>> {
    let service_connect =
        [SERVICE_CONNECT_HTTP, SERVICE_CONNECT_HTTP2, SERVICE_CONNECT_GRPC, SERVICE_CONNECT_TCP];
    Some(match name {
        "envoy" => compiled(&[ENVOY]),
        "istio" => compiled(&[ISTIO]),
        "json" => Ok(Vec::new()),
        "service_connect" => compiled(&service_connect).and_then(|mut formats| {
            formats.push(Format::compile(SERVICE_CONNECT_HTTP)?.with_rest());
            Ok(formats)
        }),
        "auto" => {
            let mut all = vec![ENVOY, ISTIO];
            all.extend(service_connect);
            compiled(&all)
        }
        _ => return None,
    })
}

/// Whether lines of a preset may be JSON objects.
pub(super) fn takes_json(name: &str) -> bool {
    matches!(name, "json" | "service_connect" | "auto")
}

/// The format of a text that begins with a request line.
pub(super) fn request_line() -> Result<Format, FormatError> {
    Format::compile(REQUEST_LINE)
}

fn compiled(texts: &[&str]) -> Result<Vec<Format>, FormatError> {
    texts.iter().map(|text| Format::compile(text)).collect()
}

/// The keys under which values are commonly found in JSON, and what they are: of Envoy's examples, Istio, ECS Service
/// Connect, and OpenTelemetry's semantic conventions.
pub(super) const JSON_KEYS: &[(&str, &str)] = &[
    ("start_time", "%START_TIME%"),
    ("timestamp", "%EMIT_TIME%"),
    ("time", "%EMIT_TIME%"),
    ("@timestamp", "%EMIT_TIME%"),
    ("method", "%REQ(:METHOD)%"),
    ("request_method", "%REQ(:METHOD)%"),
    ("http.request.method", "%REQ(:METHOD)%"),
    ("http.method", "%REQ(:METHOD)%"),
    ("path", "%REQ(:PATH)%"),
    ("request_path", "%REQ(:PATH)%"),
    ("url.path", "%REQ(:PATH)%"),
    ("http.target", "%REQ(:PATH)%"),
    ("x-envoy-original-path", "%REQ(:PATH)%"),
    ("x_envoy_original_path", "%REQ(:PATH)%"),
    ("authority", "%REQ(:AUTHORITY)%"),
    (":authority", "%REQ(:AUTHORITY)%"),
    ("host", "%REQ(:AUTHORITY)%"),
    ("protocol", "%PROTOCOL%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("status_code", "%RESPONSE_CODE%"),
    ("status", "%RESPONSE_CODE%"),
    ("http.response.status_code", "%RESPONSE_CODE%"),
    ("http.status_code", "%RESPONSE_CODE%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("response_flags_long", "%RESPONSE_FLAGS_LONG%"),
    ("grpc_status", "%GRPC_STATUS%"),
    ("grpc_status_number", "%GRPC_STATUS%"),
    ("rpc.grpc.status_code", "%GRPC_STATUS%"),
    ("rpc.response.status_code", "%GRPC_STATUS%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("http.request.body.size", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("http.response.body.size", "%BYTES_SENT%"),
    ("duration", "%DURATION%"),
    ("duration_ms", "%DURATION%"),
    ("duration_us", "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%"),
    ("duration_ns", "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:ns)%"),
    ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x_envoy_upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x-envoy-upstream-service-time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("x-forwarded-for", "%REQ(X-FORWARDED-FOR)%"),
    ("forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("user-agent", "%REQ(USER-AGENT)%"),
    ("user_agent.original", "%REQ(USER-AGENT)%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("x_request_id", "%REQ(X-REQUEST-ID)%"),
    ("x-request-id", "%REQ(X-REQUEST-ID)%"),
    ("stream_id", "%STREAM_ID%"),
    ("trace_id", "%TRACE_ID%"),
    ("traceid", "%TRACE_ID%"),
    ("span_id", "%SPAN_ID%"),
    ("traceparent", "%REQ(TRACEPARENT)%"),
    ("route_name", "%ROUTE_NAME%"),
    ("route", "%ROUTE_NAME%"),
    ("virtual_cluster_name", "%VIRTUAL_CLUSTER_NAME%"),
    ("virtual_cluster", "%VIRTUAL_CLUSTER_NAME%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
    ("upstream_cluster_raw", "%UPSTREAM_CLUSTER_RAW%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_remote_address", "%UPSTREAM_REMOTE_ADDRESS%"),
    ("upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
    ("attempts", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
    ("attempt_count", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
    ("upstream_request_attempt_count", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
    ("connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("downstream_direct_remote_address", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"),
    ("downstream_tls_version", "%DOWNSTREAM_TLS_VERSION%"),
    ("downstream_peer_subject", "%DOWNSTREAM_PEER_SUBJECT%"),
    ("downstream_peer_uri_san", "%DOWNSTREAM_PEER_URI_SAN%"),
    ("downstream_peer_dns_san", "%DOWNSTREAM_PEER_DNS_SAN%"),
    ("upstream_tls_version", "%UPSTREAM_TLS_VERSION%"),
    ("upstream_peer_subject", "%UPSTREAM_PEER_SUBJECT%"),
    ("upstream_peer_uri_san", "%UPSTREAM_PEER_URI_SAN%"),
    ("upstream_peer_dns_san", "%UPSTREAM_PEER_DNS_SAN%"),
    ("access_log_type", "%ACCESS_LOG_TYPE%"),
    ("hostname", "%HOSTNAME%"),
];
