//! Envoys that push, by a real gRPC client and by one that breaks the rules.

use std::future::ready;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::http::Request;
use bytes::{Buf as _, BufMut as _, Bytes};
use http_body_util::StreamBody;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Endpoint;
use tonic::{Code, Status};

use super::*;
use crate::otlp::status::Refusal;
use crate::otlp::streams::{Handled, OpenStream, StreamHandler, StreamHandlers, StreamMessage, StreamState};

const ACCESS_LOGS: &str = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
const METRICS: &str = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";
const FIRST: &[u8] = include_bytes!("../../../../tests/fixtures/otlp/envoy_als.good.bin");

/// Messages that are sent and received as they are.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, destination: &mut EncodeBuf<'_>) -> Result<(), Status> {
        destination.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = source.remaining();
        Ok(Some(source.copy_to_bytes(length)))
    }
}

/// Streams these messages by a real client; the answer comes once the stream has ended.
pub(super) async fn call(doors: &Doors, method: &'static str, messages: Vec<Bytes>) -> Result<Bytes, Status> {
    call_compressed(doors, method, messages, None).await
}

async fn call_compressed(
    doors: &Doors,
    method: &'static str,
    messages: Vec<Bytes>,
    encoding: Option<CompressionEncoding>,
) -> Result<Bytes, Status> {
    let channel = Endpoint::from_shared(format!("http://{}", doors.grpc)).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    if let Some(encoding) = encoding {
        client = client.send_compressed(encoding);
    }
    client.ready().await.unwrap();
    let messages = tonic::Request::new(tokio_stream::iter(messages));
    let answer = client.client_streaming(messages, method.parse().unwrap(), Raw).await?;
    Ok(answer.into_inner())
}

/// What a handler was given: the proxy, the log and the message.
type Seen = Arc<Mutex<Vec<(String, String, Bytes)>>>;

fn lock(seen: &Seen) -> MutexGuard<'_, Vec<(String, String, Bytes)>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handler that does with each message as `answer` says, having noted it.
fn handler(
    seen: &Seen,
    answer: impl Fn(usize, &StreamMessage) -> Result<Handled, Refusal> + Send + Sync + 'static,
) -> StreamHandler {
    let seen = Arc::clone(seen);
    Arc::new(move |state: &StreamState, message: StreamMessage| {
        let mut seen = lock(&seen);
        let answer = answer(seen.len(), &message);
        seen.push((state.proxy.id.clone(), state.log_name.clone(), message.bytes));
        Box::pin(ready(answer))
    })
}

fn all_fine(seen: &Seen) -> StreamHandler {
    handler(seen, |_, _| Ok(Handled { accepted: 2, rejected: 1 }))
}

/// One handler for all streams of statistics.
fn for_all(handler: StreamHandler) -> OpenStream {
    Arc::new(move || Arc::clone(&handler))
}

/// Doors with these access logs; statistics are always fine.
async fn doors_with(access_logs: StreamHandler) -> Doors {
    let metrics = for_all(all_fine(&Seen::default()));
    Doors::open_with_streams(OtlpConfig::default(), StreamHandlers { access_logs, metrics }).await
}

fn bytes(seen: &Seen) -> Vec<Bytes> {
    lock(seen).iter().map(|(_, _, bytes)| bytes.clone()).collect()
}

/// The body of a call, written by hand.
type Parts = tokio::sync::mpsc::Sender<Result<hyper::body::Frame<Bytes>, io::Error>>;

/// Begins a call whose body is written by hand. Its status is told once it is answered.
fn open(doors: &Doors, headers: &[(&str, &str)]) -> (Parts, tokio::task::JoinHandle<Code>) {
    let (parts, body) = tokio::sync::mpsc::channel(1);
    let mut request = Request::post(format!("http://{}{ACCESS_LOGS}", doors.grpc))
        .header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(body));
    let request = request.body(body).unwrap();
    let answer = tokio::spawn(async move {
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let answer = client.request(request).await.unwrap();
        let headers = answer.headers().clone();
        let trailers =
            http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().trailers().cloned();
        Status::from_header_map(&headers).or_else(|| Status::from_header_map(&trailers?)).unwrap().code()
    });
    (parts, answer)
}

async fn send(parts: &Parts, bytes: impl Into<Bytes>) {
    parts.send(Ok(hyper::body::Frame::data(bytes.into()))).await.unwrap();
}

/// A message with the prefix that gRPC wants.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

#[tokio::test]
async fn messages_are_handed_over_in_order_and_the_first_says_who_sends() {
    let seen = Seen::default();
    let doors = doors_with(all_fine(&seen)).await;
    let messages = vec![Bytes::from_static(FIRST), Bytes::from_static(b"\x12\x00"), Bytes::new()];
    for encoding in [None, Some(CompressionEncoding::Gzip)] {
        lock(&seen).clear();
        let answer = call_compressed(&doors, ACCESS_LOGS, messages.clone(), encoding).await.unwrap();
        assert!(answer.is_empty());
        assert_eq!(bytes(&seen), messages);
        let is_known = |(proxy, log, _): &(String, String, Bytes)| {
            (proxy.as_str(), log.as_str()) == ("lab-sidecar-1", "als_orders_out")
        };
        assert!(lock(&seen).iter().all(is_known));
    }
    let status = doors.status("envoy_access_logs");
    assert_eq!((status.requests, status.accepted, status.rejected, status.failures), (6, 12, 6, 0));
    assert_eq!(status.name, doors.grpc.to_string());
}

#[tokio::test]
async fn a_stream_that_sends_nothing_is_fine() {
    let seen = Seen::default();
    let doors = doors_with(all_fine(&seen)).await;
    for method in [ACCESS_LOGS, METRICS] {
        assert_eq!(call(&doors, method, Vec::new()).await.unwrap(), Bytes::new());
    }
    assert!(bytes(&seen).is_empty());
    assert_eq!(doors.status("envoy_metrics").failures, 0);
}

#[tokio::test]
async fn messages_are_whole_however_they_are_cut() {
    let seen = Seen::default();
    let doors = doors_with(all_fine(&seen)).await;
    let large = vec![7; 300_000];
    let body = [framed(0, b"one"), framed(0, &large), framed(0, b"three")].concat();
    let (parts, answer) = open(&doors, &[]);
    for part in body.chunks(70_001) {
        send(&parts, Bytes::copy_from_slice(part)).await;
    }
    drop(parts);
    assert_eq!(answer.await.unwrap(), Code::Ok);
    assert_eq!(bytes(&seen), [&b"one"[..], &large, b"three"]);
    assert_eq!(doors.memory.free_bytes(), OtlpConfig::default().max_memory_bytes);
}

#[tokio::test]
async fn a_stream_that_breaks_off_keeps_what_came_before() {
    let seen = Seen::default();
    let doors = doors_with(all_fine(&seen)).await;
    let (parts, answer) = open(&doors, &[]);
    send(&parts, [framed(0, b"whole"), framed(0, b"half")[..7].to_vec()].concat()).await;
    drop(parts);
    assert_eq!(answer.await.unwrap(), Code::InvalidArgument);
    assert_eq!(bytes(&seen), [&b"whole"[..]]);
    let status = doors.status("envoy_access_logs");
    assert_eq!((status.accepted, status.failures), (2, 1));
    assert!(status.last_error.unwrap().contains("in the middle of a message"));
    assert_eq!(doors.memory.free_bytes(), OtlpConfig::default().max_memory_bytes);
}

#[tokio::test]
async fn messages_over_the_limit_end_the_stream() {
    let seen = Seen::default();
    let handlers = StreamHandlers { access_logs: all_fine(&seen), metrics: for_all(all_fine(&seen)) };
    let config = OtlpConfig { max_body_bytes: 10_000, ..OtlpConfig::default() };
    let doors = Doors::open_with_streams(config, handlers).await;
    let large = Bytes::from(vec![0; 10_001]);
    for encoding in [None, Some(CompressionEncoding::Gzip)] {
        let messages = vec![Bytes::from_static(b"small"), large.clone(), Bytes::from_static(b"after")];
        let status = call_compressed(&doors, ACCESS_LOGS, messages, encoding).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(status.message().contains("10000 bytes"), "{}", status.message());
    }
    assert_eq!(bytes(&seen), [&b"small"[..], b"small"]);
}

#[tokio::test]
async fn what_is_no_grpc_message_ends_the_stream() {
    let seen = Seen::default();
    let doors = doors_with(all_fine(&seen)).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"half of it").unwrap();
    let half = gzip.finish().unwrap()[..15].to_vec();
    for (encoding, body, code) in [
        ("gzip", framed(7, b"flag"), Code::InvalidArgument),
        ("gzip", framed(1, &half), Code::InvalidArgument),
        ("identity", framed(1, b"not said how"), Code::InvalidArgument),
        ("snappy", framed(1, b"unknown"), Code::Unimplemented),
    ] {
        let (parts, answer) = open(&doors, &[("grpc-encoding", encoding)]);
        send(&parts, body).await;
        assert_eq!(answer.await.unwrap(), code, "{encoding}");
    }
    assert!(bytes(&seen).is_empty());
}

#[tokio::test]
async fn a_busy_handler_slows_the_stream_down_and_loses_nothing() {
    let seen = Seen::default();
    let busy = Refusal::Busy { reason: "full".to_owned(), retry_after: Duration::from_millis(1) };
    let doors = doors_with(handler(&seen, move |calls, _| {
        if calls % 3 == 2 { Ok(Handled { accepted: 1, rejected: 0 }) } else { Err(busy.clone()) }
    }))
    .await;
    let messages = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    call(&doors, ACCESS_LOGS, messages).await.unwrap();
    assert_eq!(bytes(&seen), [&b"one"[..], b"one", b"one", b"two", b"two", b"two"]);
    let status = doors.status("envoy_access_logs");
    assert_eq!((status.requests, status.accepted), (2, 2));
    assert_eq!((status.throttled, status.failures), (2, 0));
}

#[tokio::test]
async fn a_stream_that_never_says_who_sends_is_kept_and_told() {
    let seen = Seen::default();
    let doors = doors_with(all_fine(&seen)).await;
    let messages = vec![Bytes::from_static(b"\x12\x00"); 3];
    call(&doors, ACCESS_LOGS, messages.clone()).await.unwrap();
    assert_eq!(bytes(&seen), messages);
    assert!(lock(&seen).iter().all(|(proxy, log, _)| proxy.is_empty() && log.is_empty()));
    let status = doors.status("envoy_access_logs");
    assert_eq!((status.accepted, status.failures), (6, 0));
    let detail = status.detail.unwrap_or_default();
    assert!(detail.contains("does not say who sends") && detail.contains("6 entries"), "{detail}");
}

#[tokio::test]
async fn a_bad_message_costs_itself_and_a_broken_store_the_stream() {
    let seen = Seen::default();
    let doors = doors_with(handler(&seen, |_, message| match &message.bytes[..] {
        b"bad" => Err(Refusal::Invalid("not a message of access logs".to_owned())),
        b"last" => Err(Refusal::Broken("the disk is full".to_owned())),
        _ => Ok(Handled { accepted: 1, rejected: 0 }),
    }))
    .await;
    let messages = ["good", "bad", "good", "last", "never"].map(|text| Bytes::from_static(text.as_bytes()));
    let status = call(&doors, ACCESS_LOGS, messages.to_vec()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the disk is full"));
    assert_eq!(bytes(&seen), messages[..4]);
    let status = doors.status("envoy_access_logs");
    assert_eq!((status.accepted, status.failures), (2, 2));
}

#[tokio::test]
async fn a_message_waits_for_memory_and_loses_nothing() {
    let seen = Seen::default();
    let handlers = StreamHandlers { access_logs: all_fine(&seen), metrics: for_all(all_fine(&seen)) };
    let config = OtlpConfig { max_memory_bytes: 256 << 10, ..OtlpConfig::default() };
    let doors = Doors::open_with_streams(config, handlers).await;
    let plain = vec![7; 150_000];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    // There is none to receive a message; then enough for that, but not to unpack it.
    for (taken_by_others, flag, sent, message) in
        [(256 << 10, 0, b"plain".to_vec(), b"plain".to_vec()), (100 << 10, 1, gzip.finish().unwrap(), plain)]
    {
        let throttled = || doors.statuses().iter().map(|status| status.throttled).sum::<u64>();
        let before = throttled();
        let mut others = doors.memory.reservation();
        others.grow(taken_by_others).unwrap();
        let (parts, answer) = open(&doors, &[("grpc-encoding", "gzip")]);
        send(&parts, framed(flag, &sent)).await;
        eventually(|| throttled() == before + 1).await;
        assert!(bytes(&seen).is_empty());
        drop((others, parts));
        assert_eq!(answer.await.unwrap(), Code::Ok);
        assert_eq!(bytes(&seen), [message]);
        lock(&seen).clear();
        assert_eq!(doors.memory.free_bytes(), 256 << 10);
    }
}

#[tokio::test]
async fn no_more_streams_are_open_than_may_be() {
    let seen = Seen::default();
    let handlers = StreamHandlers { access_logs: all_fine(&seen), metrics: for_all(all_fine(&seen)) };
    let config = OtlpConfig { max_connections: 2, ..OtlpConfig::default() };
    let doors = Doors::open_with_streams(config, handlers).await;
    // Two calls on one connection, and a third one.
    let (parts, answer) = open(&doors, &[]);
    send(&parts, framed(0, b"one")).await;
    eventually(|| bytes(&seen).len() == 1).await;
    let channel = Endpoint::from_shared(format!("http://{}", doors.grpc)).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    let (other, body) = tokio::sync::mpsc::channel(1);
    other.send(Bytes::from_static(b"two")).await.unwrap();
    let mut second = client.clone();
    second.ready().await.unwrap();
    let body = tokio_stream::wrappers::ReceiverStream::new(body);
    let second = tokio::spawn(async move {
        second.client_streaming(tonic::Request::new(body), METRICS.parse().unwrap(), Raw).await
    });
    eventually(|| bytes(&seen).len() == 2).await;
    let third = tonic::Request::new(tokio_stream::iter([Bytes::from_static(b"three")]));
    client.ready().await.unwrap();
    let refused = client.client_streaming(third, METRICS.parse().unwrap(), Raw).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop((parts, other));
    assert_eq!(answer.await.unwrap(), Code::Ok);
    second.await.unwrap().unwrap();
    assert_eq!(bytes(&seen).len(), 2);
}

#[tokio::test]
async fn a_stopped_server_ends_streams_that_would_last_for_ever() {
    let seen = Seen::default();
    let doors = doors_with(all_fine(&seen)).await;
    let (parts, answer) = open(&doors, &[]);
    send(&parts, framed(0, b"one")).await;
    eventually(|| bytes(&seen).len() == 1).await;
    doors.stop().await;
    assert_eq!(answer.await.unwrap(), Code::Unavailable);
    drop(parts);
}

/// Waits until it is so.
async fn eventually(is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
