//! Spans of a service of which two versions were asked in the last minutes.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Status};
use sidecarta_tests::harness::{Encoding, GrpcSender, Server, SpanDraft, now_ns, request_of, resource};

/// Requests to one version of the service `orders`, all along `GET /orders`, ten a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) version: &'static str,
    /// From when to when, seconds before now.
    pub(crate) ago_s: (u64, u64),
    /// One of so many requests fails.
    pub(crate) failing: u64,
}

/// Requests a second.
const RATE: u64 = 10;
/// Traces in one request to the server.
const PORTION: usize = 500;

/// Sends the spans of all these requests, and waits until queries see them.
pub(crate) async fn send(server: &Server, asked: &[Asked]) {
    let now_ns = now_ns();
    let calls: Vec<[ResourceSpans; 2]> = asked
        .iter()
        .flat_map(|asked| {
            let (from, to) = asked.ago_s;
            (0..(from - to) * RATE).map(move |number| {
                call(asked, number, now_ns - from * 1_000_000_000 + number * 1_000_000_000 / RATE)
            })
        })
        .collect();
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    for portion in calls.chunks(PORTION) {
        sender.send(request_of(portion.concat())).await.unwrap();
    }
    server.eventually_holds(2 * calls.len() as u64).await;
}

/// A call from `web`: the span of the caller, and that of the version.
fn call(asked: &Asked, number: u64, start_ns: u64) -> [ResourceSpans; 2] {
    let version = asked.version.bytes().fold(0_u128, |sum, byte| sum * 256 + u128::from(byte));
    let trace = version << 64 | u128::from(number + 1);
    let fails = (number + 1).is_multiple_of(asked.failing);
    let span = |id, kind| {
        SpanDraft::new(trace, id, kind)
            .with("http.request.method", "GET")
            .with("http.route", "/orders")
            .change(|span| {
                span.start_time_unix_nano = start_ns;
                // Between 10 and 20 ms, the same for every version.
                span.end_time_unix_nano = start_ns + 10_000_000 + number * 7_919 % 10_000 * 1_000;
                if fails {
                    span.status = Some(Status { code: 2, ..Status::default() });
                }
            })
    };
    let mut answer = resource("orders", vec![span(2, SpanKind::Server).below(1).build()]);
    if let Some(resource) = &mut answer.resource {
        let version = SpanDraft::new(1, 1, SpanKind::Server).with("service.version", asked.version).build();
        resource.attributes.extend(version.attributes);
    }
    [resource("web", vec![span(1, SpanKind::Client).build()]), answer]
}
