//! The HTTP door: `POST /v1/traces`, `/v1/metrics` and `/v1/logs` in protobuf and JSON.
//!
//! Cross-origin requests are not allowed, as no header says that they are.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use prost::Message as _;
use tonic::Code;

use super::body::read_body;
use super::compression::Encoding;
use super::service::{Format, Received, Receiver};
use super::signal::Signal;
use super::status::{Refusal, RpcStatus};
use crate::status::SourceHandle;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Clone)]
struct Door {
    receiver: Arc<Receiver>,
    source: SourceHandle,
}

/// Everything this door answers.
pub(super) fn router(receiver: Arc<Receiver>, source: SourceHandle) -> Router {
    let mut router = Router::new();
    for signal in Signal::ALL {
        let export = post(move |State(door): State<Door>, request: Request| async move {
            export(signal, &door, request).await
        });
        router = router.route(signal.http_path(), export);
    }
    router.fallback(not_found).with_state(Door { receiver, source })
}

async fn export(signal: Signal, door: &Door, request: Request) -> Response {
    let format = format_of(request.headers());
    let received = match format {
        Some(format) => read_request(&door.receiver, request, format).await,
        None => Err(Refusal::Unsupported(
            "the content type must be application/x-protobuf or application/json".to_owned(),
        )),
    };
    let answer_format = format.unwrap_or(Format::Json);
    match door.receiver.receive(signal, &door.source, received).await {
        Ok(receipt) if answer_format == Format::Json => {
            answer(StatusCode::OK, JSON, receipt.to_json().to_string())
        }
        Ok(receipt) => answer(StatusCode::OK, PROTOBUF, receipt.into_response().encode_to_vec()),
        Err(refusal) => refused(answer_format, &refusal),
    }
}

async fn read_request(receiver: &Receiver, request: Request, format: Format) -> Result<Received, Refusal> {
    let encoding = encoding_of(request.headers())?;
    let (body, reservation) =
        read_body(request.into_body(), receiver.max_body_bytes(), receiver.memory()).await?;
    Ok(Received { body, encoding, format, reservation })
}

async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if content_type.starts_with(b"application/grpc") {
        // A gRPC client looks for its status in the headers, whatever else the answer says.
        let words =
            "this is the address of OTLP over HTTP; gRPC has an address of its own, by default port 4317";
        return tonic::Status::unimplemented(words).into_http::<axum::body::Body>();
    }
    let words = format!(
        "there is no {} here; send traces to /v1/traces, metrics to /v1/metrics and logs to /v1/logs",
        uri.path()
    );
    let status = RpcStatus::new(Code::NotFound, words);
    status_answer(StatusCode::NOT_FOUND, format_of(&headers).unwrap_or(Format::Json), &status)
}

/// The format that the content type names, without its parameters.
fn format_of(headers: &HeaderMap) -> Option<Format> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = content_type.split(';').next()?.trim();
    if essence.eq_ignore_ascii_case("application/x-protobuf")
        || essence.eq_ignore_ascii_case("application/protobuf")
    {
        Some(Format::Protobuf)
    } else if essence.eq_ignore_ascii_case("application/json") {
        Some(Format::Json)
    } else {
        None
    }
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let name = values.next().map_or(Some(""), |value| value.to_str().ok());
    name.filter(|_| values.next().is_none()).and_then(Encoding::named).ok_or_else(|| {
        Refusal::Unsupported(
            "the content encoding must be one of gzip, zstd, deflate and identity".to_owned(),
        )
    })
}

fn refused(format: Format, refusal: &Refusal) -> Response {
    let mut response = status_answer(refusal.http_status(), format, &refusal.rpc_status());
    if let Some(seconds) = refusal.retry_after_s() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A `google.rpc.Status` in the format of the request.
fn status_answer(code: StatusCode, format: Format, status: &RpcStatus) -> Response {
    match format {
        Format::Json => answer(code, JSON, status.to_json().to_string()),
        Format::Protobuf => answer(code, PROTOBUF, status.encode_to_vec()),
    }
}

fn answer(code: StatusCode, content_type: HeaderValue, body: impl Into<axum::body::Body>) -> Response {
    (code, [(CONTENT_TYPE, content_type)], body.into()).into_response()
}
