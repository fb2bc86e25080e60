//! The gRPC door: `Export` of the three services of OTLP, and the streams of Envoys.
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
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::body::{read_body, too_large};
use super::compression::Encoding;
use super::service::{Format, Received, Receiver};
use super::signal::Signal;
use super::status::Refusal;
use super::streams::{self, EnvoyStream};
use crate::status::SourceHandle;

/// One byte that says whether the message is compressed, and four with its length.
pub(super) const PREFIX_BYTES: usize = 5;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const APPLICATION_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ACCEPTED_ENCODINGS: HeaderValue = HeaderValue::from_static("gzip,zstd,deflate,identity");

#[derive(Clone)]
struct Door {
    receiver: Arc<Receiver>,
    address: Arc<str>,
    source: SourceHandle,
    shutdown: CancellationToken,
}

/// Everything this door answers at `address`. Streams, which may last for ever, end at `shutdown`.
pub(super) fn router(receiver: Arc<Receiver>, address: &str, shutdown: CancellationToken) -> Router {
    let source = receiver.book().source("otlp_grpc", address);
    Router::new().fallback(call).with_state(Door { receiver, address: address.into(), source, shutdown })
}

async fn call(State(door): State<Door>, request: Request) -> Response {
    if request.method() != Method::POST || !is_grpc(request.headers()) {
        let words = "this port speaks gRPC (OTLP/gRPC); OTLP over HTTP has a port of its own, 4318 unless configured\n";
        let mut response = Response::new(Body::from(words));
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let path = request.uri().path();
    if let Some(signal) = Signal::ALL.into_iter().find(|signal| signal.grpc_method() == path) {
        return export(signal, &door, request).await;
    }
    if let Some(stream) = EnvoyStream::of_method(path) {
        return take_stream(stream, &door, request).await;
    }
    let methods = Signal::ALL.map(Signal::grpc_method).join(", ");
    failure(Status::unimplemented(format!("{path} is not a method of this server, which has {methods}")))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

async fn export(signal: Signal, door: &Door, request: Request) -> Response {
    let received = read_message(&door.receiver, request).await;
    match door.receiver.receive(signal, &door.source, received).await {
        Ok(receipt) => success(&receipt.into_response()),
        Err(refusal) => failure(refusal.into()),
    }
}

/// Both streams are answered with a message that has no fields, once the client has ended them.
async fn take_stream(stream: EnvoyStream, door: &Door, request: Request) -> Response {
    let Some(handler) = door.receiver.streams().map(|handlers| handlers.open(stream)) else {
        return failure(Status::unimplemented(format!(
            "this server takes no {} from Envoys",
            stream.words()
        )));
    };
    let source = door.receiver.book().source(stream.source(), &door.address);
    match streams::serve(stream, &handler, &door.receiver, &source, request, &door.shutdown).await {
        Ok(()) => success(&()),
        Err(refusal) => failure(refusal.into()),
    }
}

/// The one message of a unary call.
async fn read_message(receiver: &Receiver, request: Request) -> Result<Received, Refusal> {
    let encoding = encoding_of_call(request.headers());
    let limit = receiver.max_body_bytes();
    let read = read_body(request.into_body(), limit.saturating_add(PREFIX_BYTES), receiver.memory()).await;
    let (body, reservation) = read.map_err(|refusal| match refusal {
        Refusal::TooLarge(_) => too_large(limit),
        other => other,
    })?;
    let (is_compressed, message) = unframe(&body, limit)?;
    let encoding = encoding_of_message(is_compressed, encoding)?;
    Ok(Received { body: message, encoding, format: Format::Protobuf, reservation })
}

/// How the messages of a call are compressed that are, if that is supported.
pub(super) fn encoding_of_call(headers: &HeaderMap) -> Option<Encoding> {
    let encoding = headers.get(GRPC_ENCODING).map(|value| value.to_str().unwrap_or_default());
    encoding.map_or(Some(Encoding::Identity), Encoding::named)
}

/// How a message of a call is compressed.
pub(super) fn encoding_of_message(
    is_compressed: bool,
    encoding_of_call: Option<Encoding>,
) -> Result<Encoding, Refusal> {
    match (is_compressed, encoding_of_call) {
        (false, _) => Ok(Encoding::Identity),
        (true, Some(Encoding::Identity)) => {
            Err(Refusal::Invalid("the message says that it is compressed, the call does not say how".into()))
        }
        (true, Some(encoding)) => Ok(encoding),
        (true, None) => {
            Err(Refusal::Unsupported("this grpc-encoding is not supported; use gzip or zstd".into()))
        }
    }
}

/// Whether the message is compressed and its length, as the prefix says; nothing where that has not come as a whole.
pub(super) fn read_prefix(bytes: &[u8], limit: usize) -> Result<Option<(bool, usize)>, Refusal> {
    let Some(&[flag, length @ ..]) = bytes.first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(too_large(limit));
    }
    if flag > 1 {
        return Err(Refusal::Invalid("the message does not begin as a gRPC message does".to_owned()));
    }
    Ok(Some((flag == 1, length)))
}

/// Whether the message is compressed, and the message.
fn unframe(body: &Bytes, limit: usize) -> Result<(bool, Bytes), Refusal> {
    let invalid = |words: &str| Refusal::Invalid(words.to_owned());
    let (is_compressed, length) =
        read_prefix(body, limit)?.ok_or_else(|| invalid("the call has no whole message"))?;
    if length != body.len() - PREFIX_BYTES {
        return Err(invalid("the call must have exactly one message, which must be as long as it says"));
    }
    Ok((is_compressed, body.slice(PREFIX_BYTES..)))
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let details = refusal.rpc_status().encode_to_vec();
        Self::with_details(refusal.code(), refusal.to_string(), details.into())
    }
}

/// An answer with a message, as the body and the trailers of a response.
fn success(message: &impl Message) -> Response {
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
