//! The gRPC door: `TraceService/Export`.
//!
//! A unary call is one length-prefixed message in and one out, which is read here by hand, because a gRPC library
//! unpacks a message before it hands it over, and the log keeps messages as they came.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tonic::{Code, Status};

use super::body::{read_body, too_large};
use super::compression::Encoding;
use super::service::{Format, Received, Receiver};
use super::status::Refusal;
use crate::status::SourceHandle;

const EXPORT_TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const EXPORT_METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const EXPORT_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// One byte that says whether the message is compressed, and four with its length.
const PREFIX_BYTES: usize = 5;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const APPLICATION_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ACCEPTED_ENCODINGS: HeaderValue = HeaderValue::from_static("gzip,zstd,deflate,identity");

#[derive(Clone)]
struct Door {
    receiver: Arc<Receiver>,
    source: SourceHandle,
}

/// Everything this door answers.
pub(super) fn router(receiver: Arc<Receiver>, source: SourceHandle) -> Router {
    Router::new().fallback(call).with_state(Door { receiver, source })
}

async fn call(State(door): State<Door>, request: Request) -> Response {
    if request.method() != Method::POST || !is_grpc(request.headers()) {
        let words = "this port speaks gRPC (OTLP/gRPC); OTLP over HTTP has a port of its own, 4318 unless configured\n";
        let mut response = Response::new(Body::from(words));
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let words = match request.uri().path() {
        EXPORT_TRACES => return export_traces(&door, request).await,
        EXPORT_METRICS => "metrics are not supported yet; send traces only".to_owned(),
        EXPORT_LOGS => "logs are not supported yet; send traces only".to_owned(),
        path => format!("{path} is not a method of this server, which has {EXPORT_TRACES}"),
    };
    failure(Status::new(Code::Unimplemented, words))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

async fn export_traces(door: &Door, request: Request) -> Response {
    let received = read_message(&door.receiver, request).await;
    match door.receiver.receive_traces(&door.source, received).await {
        Ok(receipt) => success(&receipt.into_response()),
        Err(refusal) => failure(refusal.into()),
    }
}

/// The one message of a unary call.
async fn read_message(receiver: &Receiver, request: Request) -> Result<Received, Refusal> {
    let encoding = request.headers().get(GRPC_ENCODING).map(|value| value.to_str().unwrap_or_default());
    let encoding = encoding.map_or(Some(Encoding::Identity), Encoding::named);
    let limit = receiver.max_body_bytes();
    let read = read_body(request.into_body(), limit.saturating_add(PREFIX_BYTES), receiver.memory()).await;
    let (body, reservation) = read.map_err(|refusal| match refusal {
        Refusal::TooLarge(_) => too_large(limit),
        other => other,
    })?;
    let (is_compressed, message) = unframe(&body, limit)?;
    let encoding = match (is_compressed, encoding) {
        (false, _) => Encoding::Identity,
        (true, Some(Encoding::Identity)) => {
            return Err(Refusal::Invalid(
                "the message says that it is compressed, the call does not say how".into(),
            ));
        }
        (true, Some(encoding)) => encoding,
        (true, None) => {
            return Err(Refusal::Unsupported("this grpc-encoding is not supported; use gzip or zstd".into()));
        }
    };
    Ok(Received { body: message, encoding, format: Format::Protobuf, reservation })
}

/// Whether the message is compressed, and the message.
fn unframe(body: &Bytes, limit: usize) -> Result<(bool, Bytes), Refusal> {
    let invalid = |words: &str| Refusal::Invalid(words.to_owned());
    let Some((&[flag, length @ ..], rest)) = body.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(invalid("the call has no whole message"));
    };
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(too_large(limit));
    }
    if flag > 1 {
        return Err(invalid("the message does not begin as a gRPC message does"));
    }
    if length != rest.len() {
        return Err(invalid("the call must have exactly one message, which must be as long as it says"));
    }
    Ok((flag == 1, body.slice(PREFIX_BYTES..)))
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let details = refusal.rpc_status().encode_to_vec();
        Self::with_details(refusal.code(), refusal.to_string(), details.into())
    }
}

/// An answer with a message, as the body and the trailers of a response.
fn success(message: &ExportTraceServiceResponse) -> Response {
    let length = message.encoded_len();
    let mut framed = Vec::with_capacity(PREFIX_BYTES + length);
    framed.push(0);
    framed.extend_from_slice(&(length as u32).to_be_bytes());
    framed.extend_from_slice(&message.encode_to_vec());
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from(framed)).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, APPLICATION_GRPC);
    response.headers_mut().insert(GRPC_ACCEPT_ENCODING, ACCEPTED_ENCODINGS);
    response
}

/// An answer without a message, all of it in the headers of a response.
fn failure(status: Status) -> Response {
    let mut response = status.into_http::<Body>();
    response.headers_mut().insert(GRPC_ACCEPT_ENCODING, ACCEPTED_ENCODINGS);
    response
}
