//! What a span's attributes mean for the graph, by the semantic conventions in their new and old names and by what
//! Envoy sends. Pure.
//!
//! **Failure.** An HTTP status decides where there is one of 400 and above: 5xx failed, 4xx did not, whatever the span
//! says of itself, so that traces and Envoy's counters agree. Without such a status the span failed if it states the
//! status ERROR or carries `error="true"`, which is all that Envoy says of an attempt that got no answer.
//!
//! **Time-out.** A failure is one by time-out if its HTTP status is 504, its gRPC status `DEADLINE_EXCEEDED`, its
//! `error.type` speaks of a time-out, or Envoy's response flags have one of UT (upstream request), SI (idle stream), DT
//! (duration of the connection) and UMSDR (duration of the stream).

use std::borrow::Cow;

use sidecarta_queries::rows::span::{Protocol, SpanKind, SpanStatus};

use super::value::text_within;
use crate::route;

mod fields;
mod peer;

pub use peer::PeerMeaning;

use fields::{Field, Values};

/// What a span means, borrowed from its attributes where it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning<'a> {
    /// Whether the operation failed.
    pub is_error: bool,
    /// Whether it failed by a time-out.
    pub is_timeout: bool,
    /// Whether a proxy made the span.
    pub is_proxy: bool,
    /// How the two sides spoke.
    pub protocol: Protocol,
    /// HTTP method, or the RPC's full name as in `shop.Orders/Place`, or empty.
    pub method: Cow<'a, str>,
    /// `http.route` or `url.template` with ids folded, or else the path with more than ids folded, or empty.
    pub route: Cow<'a, str>,
    /// HTTP status of the answer; zero where there was none.
    pub http_status: u16,
    /// What a calling span says it calls.
    pub peer: Option<PeerMeaning<'a>>,
}

/// An attribute's key and value as text.
pub type Attribute<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Reads the meaning of a span. `is_envoy` is whether the resource says that Envoy made it; names are cut after
/// `max_name_bytes`.
pub fn interpret<'a>(
    kind: SpanKind,
    status: SpanStatus,
    attributes: &'a [Attribute<'_>],
    is_envoy: bool,
    max_name_bytes: usize,
) -> Meaning<'a> {
    let values = Values::of(attributes);
    let http_status = http_status(&values);
    let is_proxy = is_envoy || values.get(Field::Component) == Some("proxy");
    let is_error = match http_status {
        500.. => true,
        400..=499 => false,
        _ => status == SpanStatus::Error || values.get(Field::Error) == Some("true"),
    };
    let protocol = protocol(kind, &values);
    Meaning {
        is_error,
        is_timeout: is_error && says_timeout(http_status, &values),
        is_proxy,
        protocol,
        method: within(method(protocol, &values), max_name_bytes),
        route: within(route(kind, protocol, &values), max_name_bytes),
        http_status,
        peer: peer::peer(kind, is_proxy, &values).map(|peer| peer.within(max_name_bytes)),
    }
}

/// Whether an attribute is kept however many a span has.
pub fn is_known(key: &str) -> bool {
    Field::of(key).is_some() || matches!(key, "node_id" | "upstream_cluster")
}

fn http_status(values: &Values<'_>) -> u16 {
    values
        .first(&[Field::HttpResponseStatusCode, Field::HttpStatusCode])
        .and_then(|text| text.parse().ok())
        .filter(|status| (100..=599).contains(status))
        .unwrap_or(0)
}

fn says_timeout(http_status: u16, values: &Values<'_>) -> bool {
    let by_flag = values
        .get(Field::ResponseFlags)
        .is_some_and(|flags| flags.split(',').any(|flag| matches!(flag, "UT" | "SI" | "DT" | "UMSDR")));
    let by_grpc = values
        .first(&[
            Field::RpcStatusCode,
            Field::RpcResponseStatusCode,
            Field::RpcGrpcStatusCode,
            Field::GrpcStatusCode,
        ])
        .is_some_and(|code| code == "4" || code.eq_ignore_ascii_case("DEADLINE_EXCEEDED"));
    let by_type = values.get(Field::ErrorType).is_some_and(|error| {
        let error = error.to_ascii_lowercase();
        ["timeout", "timed_out", "timedout", "deadline"].iter().any(|word| error.contains(word))
    });
    http_status == 504 || by_flag || by_grpc || by_type
}

fn protocol(kind: SpanKind, values: &Values<'_>) -> Protocol {
    let rpc = values.first(&[Field::RpcSystemName, Field::RpcSystem]);
    let is_grpc = rpc.map_or_else(
        || values.first(&[Field::GrpcStatusCode, Field::GrpcPath, Field::RpcGrpcStatusCode]).is_some(),
        |system| system == "grpc",
    );
    if values.first(&[Field::DbSystemName, Field::DbSystem]).is_some() {
        Protocol::Database
    } else if values.get(Field::MessagingSystem).is_some()
        || matches!(kind, SpanKind::Producer | SpanKind::Consumer)
    {
        Protocol::Messaging
    } else if is_grpc {
        Protocol::Grpc
    } else if rpc.is_some() {
        Protocol::Rpc
    } else if values.first(&[Field::HttpRequestMethod, Field::HttpMethod, Field::HttpProtocol]).is_some() {
        Protocol::Http
    } else {
        Protocol::Unknown
    }
}

fn method<'a>(protocol: Protocol, values: &Values<'a>) -> Cow<'a, str> {
    if matches!(protocol, Protocol::Grpc | Protocol::Rpc) {
        let method = values.get(Field::RpcMethod).unwrap_or_default();
        let service = values.get(Field::RpcService).unwrap_or_default();
        if method.contains('/') || service.is_empty() && !method.is_empty() {
            return Cow::Borrowed(method);
        }
        if !method.is_empty() {
            return Cow::Owned(format!("{service}/{method}"));
        }
        if let Some(path) = values.get(Field::GrpcPath) {
            return Cow::Borrowed(path.trim_start_matches('/'));
        }
    }
    Cow::Borrowed(values.first(&[Field::HttpRequestMethod, Field::HttpMethod]).unwrap_or_default())
}

/// The template that a span states, or else what can be made of its path.
fn route<'a>(kind: SpanKind, protocol: Protocol, values: &Values<'a>) -> Cow<'a, str> {
    if let Some(stated) = values.first(&[Field::HttpRoute, Field::UrlTemplate]) {
        return route::template(stated);
    }
    let is_request = matches!(kind, SpanKind::Server | SpanKind::Client);
    if !is_request || !matches!(protocol, Protocol::Http | Protocol::Unknown) {
        return Cow::Borrowed("");
    }
    let path = [Field::UrlPath, Field::HttpTarget, Field::UrlFull, Field::HttpUrl];
    route::of_path(values.first(&path).unwrap_or_default())
}

/// Text cut to a number of bytes.
fn within(text: Cow<'_, str>, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return text;
    }
    Cow::Owned(text_within(text.as_bytes(), max_bytes).into_owned())
}

#[cfg(test)]
mod tests;
