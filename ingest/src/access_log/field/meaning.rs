//! From command operators to fields.

use super::{Column, Field, MS, Shape};
use crate::access_log::operator::Operator;
use crate::access_log::time::TimeFormat;

impl Field {
    /// What the operator's value means. The error says in words what is wrong with its argument.
    pub(in crate::access_log) fn of(operator: &Operator<'_>) -> Result<Self, String> {
        let argument = operator.argument;
        Ok(match operator.name {
            "START_TIME" => Self::Start(TimeFormat::compile(argument)?),
            "START_TIME_LOCAL" => Self::Start(local_time(argument)?),
            "EMIT_TIME" => Self::OtherTime(TimeFormat::compile(argument)?),
            "EMIT_TIME_LOCAL" => Self::OtherTime(local_time(argument)?),
            "REQ" | "REQUEST_HEADER" | "REQ_WITHOUT_QUERY" => request_header(argument),
            "RESP" | "RESPONSE_HEADER" => response_header(argument, "http.response.header"),
            "TRAILER" | "RESPONSE_TRAILER" => response_header(argument, "http.response.trailer"),
            "COMMON_DURATION" => common_duration(argument)?,
            "RESPONSE_CODE_DETAILS" if argument.is_empty() => Self::Text(Column::CodeDetails),
            "COALESCE" => Self::Attribute("coalesce".to_owned(), Shape::Text),
            name => {
                Self::plain(name).unwrap_or_else(|| Self::Attribute(key(operator), attribute_shape(name)))
            }
        })
    }

    /// Operators that have a column of their own whatever their argument is.
    fn plain(name: &str) -> Option<Self> {
        Some(match name {
            "PATH" => Self::Path,
            "RESPONSE_CODE" => Self::Code,
            "GRPC_STATUS" | "GRPC_STATUS_NUMBER" => Self::Grpc,
            "RESPONSE_FLAGS" | "RESPONSE_FLAGS_LONG" => Self::Flags,
            "UPSTREAM_REQUEST_ATTEMPT_COUNT" => Self::Attempts,
            "BYTES_RECEIVED" => Self::Received,
            "BYTES_SENT" => Self::Sent,
            "DURATION" => Self::Duration(MS),
            "TRACE_ID" => Self::Trace,
            "SPAN_ID" => Self::Span,
            "DOWNSTREAM_PEER_URI_SAN" | "DOWNSTREAM_PEER_DNS_SAN" | "DOWNSTREAM_PEER_IP_SAN" => {
                Self::San(Column::DownstreamSan)
            }
            "UPSTREAM_PEER_URI_SAN" | "UPSTREAM_PEER_DNS_SAN" | "UPSTREAM_PEER_IP_SAN" => {
                Self::San(Column::UpstreamSan)
            }
            "UPSTREAM_CLUSTER_RAW" | "UPSTREAM_CLUSTER" => Self::Text(Column::UpstreamCluster),
            "UPSTREAM_HOST" => Self::Text(Column::UpstreamHost),
            "UPSTREAM_REMOTE_ADDRESS" => Self::Spare(Column::UpstreamHost),
            "DOWNSTREAM_REMOTE_ADDRESS" => Self::Text(Column::DownstreamAddress),
            "DOWNSTREAM_DIRECT_REMOTE_ADDRESS" | "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT" => {
                Self::Spare(Column::DownstreamAddress)
            }
            "STREAM_ID" => Self::Spare(Column::RequestId),
            "HOSTNAME" => Self::Spare(Column::NodeId),
            _ => Self::Text(match name {
                "PROTOCOL" => Column::Protocol,
                "ROUTE_NAME" => Column::RouteName,
                "VIRTUAL_CLUSTER_NAME" => Column::VirtualCluster,
                "RESPONSE_CODE_DETAILS" => Column::CodeDetails,
                "CONNECTION_TERMINATION_DETAILS" => Column::Termination,
                "UPSTREAM_TRANSPORT_FAILURE_REASON" => Column::UpstreamFailure,
                "ACCESS_LOG_TYPE" => Column::LogType,
                "DOWNSTREAM_TLS_VERSION" => Column::DownstreamTls,
                "DOWNSTREAM_PEER_SUBJECT" => Column::DownstreamSubject,
                "UPSTREAM_TLS_VERSION" => Column::UpstreamTls,
                "UPSTREAM_PEER_SUBJECT" => Column::UpstreamSubject,
                _ => return None,
            }),
        })
    }
}

/// Envoy's local time needs its offset in the log: the zone that Envoy runs in is not known here.
fn local_time(argument: &str) -> Result<TimeFormat, String> {
    let says_offset = ["%z", "%Ez", "%:z", "%s"].iter().any(|specifier| argument.contains(specifier));
    if !argument.is_empty() && !says_offset {
        return Err(
            "the time zone that Envoy runs in is not known here, so its offset must be logged: add `%z`"
                .into(),
        );
    }
    TimeFormat::compile(argument)
}

fn request_header(argument: &str) -> Field {
    by_header(argument, "http.request.header", |header| {
        Some(match header {
            ":path" | "x-envoy-original-path" => Field::Path,
            ":method" => Field::Text(Column::Method),
            ":authority" | "host" => Field::Text(Column::Authority),
            "user-agent" => Field::Text(Column::UserAgent),
            "x-request-id" => Field::Text(Column::RequestId),
            "x-forwarded-for" => Field::Text(Column::ForwardedFor),
            "traceparent" => Field::TraceParent,
            "x-b3-traceid" => Field::Trace,
            "x-amzn-trace-id" => Field::XrayTrace,
            _ => return None,
        })
    })
}

fn response_header(argument: &str, prefix: &str) -> Field {
    by_header(argument, prefix, |header| {
        Some(match header {
            ":status" => Field::Code,
            "grpc-status" => Field::Grpc,
            "x-envoy-upstream-service-time" => Field::Upstream(MS),
            "x-envoy-attempt-count" => Field::Attempts,
            _ => return None,
        })
    })
}

/// The field of the first header that has one; `X?Y` names two.
fn by_header(argument: &str, prefix: &str, field_of: impl Fn(&str) -> Option<Field>) -> Field {
    let headers = argument.to_ascii_lowercase();
    let found = headers.split('?').find_map(|header| field_of(header.trim()));
    found.unwrap_or_else(|| {
        let first = headers.split('?').next().unwrap_or_default().trim();
        Field::Attribute(format!("{prefix}.{first}"), Shape::Text)
    })
}

fn common_duration(argument: &str) -> Result<Field, String> {
    let parts: Vec<&str> = argument.split(':').collect();
    let [start, end, precision] = parts[..] else {
        return Err("`COMMON_DURATION` needs START:END:PRECISION".into());
    };
    let unit = match precision {
        "ms" => MS,
        "us" => 1_000,
        "ns" => 1,
        _ => {
            return Err(format!(
                "the precision of `COMMON_DURATION` must be ms, us or ns, not `{precision}`"
            ));
        }
    };
    Ok(match (start, end) {
        ("DS_RX_BEG", "DS_TX_END") => Field::Duration(unit),
        ("US_TX_BEG" | "US_TX_END", "US_RX_BEG") => Field::Upstream(unit),
        _ => {
            let key = format!("common_duration.{start}.{end}.{precision}").to_ascii_lowercase();
            Field::Attribute(key, Shape::Number)
        }
    })
}

/// The key of a value that has no column: `dynamic_metadata.com.test.my_filter.key`.
fn key(operator: &Operator<'_>) -> String {
    let mut key = operator.name.to_ascii_lowercase();
    if !operator.argument.is_empty() {
        key.push('.');
        key.push_str(&operator.argument.replace(':', "."));
    }
    key
}

fn attribute_shape(name: &str) -> Shape {
    let is_number = name.ends_with("_BYTES")
        || name.ends_with("_DURATION")
        || name.ends_with("_PORT") && !name.ends_with("_WITHOUT_PORT")
        || name.contains("_BYTES_")
        || name.ends_with("_RETRANSMITTED")
        || matches!(name, "CONNECTION_ID" | "UPSTREAM_CONNECTION_ID");
    if is_number { Shape::Number } else { Shape::Text }
}
