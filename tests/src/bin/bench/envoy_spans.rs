//! Spans as a mesh of Envoys sends them through a collector: 40 services, 200 routes, traces of eight spans.
//!
//! A request holds 512 spans, sorted by service as a collector's batches are. Of ten spans of a trace one comes in the
//! next request.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, LogNormal};

use crate::Failure;
use crate::sender::{Load, Prepared, Way};

const SERVICES: usize = 40;
const ROUTES: usize = 200;
/// Services that a request passes through; each adds a span for taking it and one for passing it on.
const HOPS: usize = 4;
const SPANS_A_REQUEST: usize = 512;
/// Of so many spans of a trace one comes late.
const LATE_ONE_IN: u32 = 10;
const NOUNS: [&str; 10] =
    ["orders", "payments", "catalog", "carts", "users", "stock", "shipping", "offers", "reviews", "search"];
const USER_AGENTS: [&str; 4] = [
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "python-httpx/0.28.1",
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
];

const SERVER: i32 = 2;
const CLIENT: i32 = 3;

/// Makes requests with spans that start from now on, as many a second as `rate`.
pub(crate) struct Generator {
    random: ChaCha8Rng,
    latency_ms: LogNormal<f64>,
    routes: Vec<Route>,
    begin_ns: u64,
    nanoseconds_a_trace: f64,
    traces: u64,
    /// The ids of all traces begun.
    pub(crate) trace_ids: Vec<u128>,
    /// Spans of the request being filled, with their services, and those for the next one.
    now: Vec<(usize, Span)>,
    later: Vec<(usize, Span)>,
}

struct Route {
    method: &'static str,
    path: String,
    services: [usize; HOPS],
    /// What the last service calls, which sends no spans.
    backend: String,
}

impl Generator {
    pub(crate) fn new(seed: u64, rate: u32) -> Result<Self, Failure> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let routes = (0..ROUTES).map(|number| Route::new(number, &mut random)).collect();
        Ok(Self {
            random,
            latency_ms: LogNormal::new(2.5, 0.6)?,
            routes,
            begin_ns: now_ns()?,
            nanoseconds_a_trace: 1e9 * 2.0 * HOPS as f64 / f64::from(rate),
            traces: 0,
            trace_ids: Vec::new(),
            now: Vec::new(),
            later: Vec::new(),
        })
    }

    /// As many requests as hold at least so many spans.
    pub(crate) fn load(&mut self, spans: u64, way: Way) -> Result<Load, Failure> {
        let count = spans.div_ceil(SPANS_A_REQUEST as u64);
        let requests =
            (0..count).map(|_| self.request(way == Way::HttpGzip)).collect::<Result<Vec<_>, _>>()?;
        Ok(Load { requests: Arc::new(requests), way })
    }

    fn request(&mut self, is_gzip: bool) -> Result<Prepared, Failure> {
        while self.now.len() < SPANS_A_REQUEST {
            self.trace();
        }
        let rest = self.now.split_off(SPANS_A_REQUEST);
        let mut spans = std::mem::replace(&mut self.now, rest);
        self.now.append(&mut self.later);
        spans.sort_by_key(|&(service, _)| service);
        let body = encode(&request_of(spans), is_gzip)?;
        Ok(Prepared { body, spans: SPANS_A_REQUEST as u32 })
    }

    fn trace(&mut self) {
        let route = self.random.random_range(0..self.routes.len());
        let trace_id: [u8; 16] = self.random.random();
        let mut start_ns = self.begin_ns + (self.traces as f64 * self.nanoseconds_a_trace) as u64;
        self.traces += 1;
        self.trace_ids.push(u128::from_be_bytes(trace_id));
        let mut duration_ns = (self.latency_ms.sample(&mut self.random) * 4e6) as u64 + 1_000_000;
        let failed = self.random.random_ratio(1, 100);
        let mut parent: [u8; 8] = [0; 8];
        let mut request_id = self.request_id();
        for hop in 0..HOPS {
            for kind in [SERVER, CLIENT] {
                let span_id: [u8; 8] = self.random.random();
                // Both sides of a call see one request id.
                if kind == CLIENT {
                    request_id = self.request_id();
                }
                let span = Span {
                    trace_id: trace_id.to_vec(),
                    span_id: span_id.to_vec(),
                    parent_span_id: if parent == [0; 8] { Vec::new() } else { parent.to_vec() },
                    start_time_unix_nano: start_ns,
                    end_time_unix_nano: start_ns + duration_ns,
                    ..self.span(route, hop, kind, failed, &request_id)
                };
                let late = self.random.random_ratio(1, LATE_ONE_IN);
                let spans = if late { &mut self.later } else { &mut self.now };
                spans.push((self.routes[route].services[hop], span));
                parent = span_id;
                start_ns += self.random.random_range(100_000..900_000);
                duration_ns = duration_ns / 8 * 7 - self.random.random_range(0..duration_ns / 16);
            }
        }
    }

    fn span(&mut self, route: usize, hop: usize, kind: i32, failed: bool, request_id: &str) -> Span {
        let random = &mut self.random;
        let route = &self.routes[route];
        let service = route.services[hop];
        let called = route.services.get(hop + 1).map_or_else(|| route.backend.clone(), |&next| name_of(next));
        let (host, cluster) = if kind == SERVER {
            (name_of(service), format!("inbound|8080||{}", name_of(service)))
        } else {
            (called.clone(), format!("outbound|8080||{called}.shop.svc.cluster.local"))
        };
        let instance = random.random_range(0..3);
        let attributes = [
            ("node_id", format!("sidecar~10.42.{service}.{instance}~{}-{instance}.shop", name_of(service))),
            ("zone", format!("eu-central-1{}", ['a', 'b', 'c'][instance])),
            ("guid:x-request-id", request_id.to_owned()),
            ("http.url", format!("http://{host}.shop.svc.cluster.local:8080{}", route.path)),
            ("http.method", route.method.to_owned()),
            ("downstream_cluster", "-".to_owned()),
            ("user_agent", USER_AGENTS[service % USER_AGENTS.len()].to_owned()),
            ("http.protocol", "HTTP/1.1".to_owned()),
            (
                "peer.address",
                format!("10.42.{}.{}", random.random_range(0..SERVICES), random.random_range(0..3)),
            ),
            (
                "request_size",
                if route.method == "GET" { 0 } else { random.random_range(80..2_000) }.to_string(),
            ),
            ("response_size", random.random_range(50..8_000).to_string()),
            ("component", "proxy".to_owned()),
            ("upstream_cluster.name", cluster.clone()),
            ("upstream_cluster", cluster),
            ("http.status_code", if failed { "503" } else { "200" }.to_owned()),
            ("response_flags", if failed { "UF" } else { "-" }.to_owned()),
        ];
        let mut attributes: Vec<KeyValue> =
            attributes.into_iter().map(|(key, value)| text(key, value)).collect();
        if failed {
            attributes.push(text("error", "true".to_owned()));
        }
        Span {
            name: if kind == SERVER { "ingress".to_owned() } else { format!("egress {called}") },
            kind,
            attributes,
            status: failed.then(|| Status { code: 2, message: String::new() }),
            flags: 257,
            ..Span::default()
        }
    }

    fn request_id(&mut self) -> String {
        let [a, b]: [u64; 2] = self.random.random();
        format!(
            "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 48 & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }
}

impl Route {
    fn new(number: usize, random: &mut ChaCha8Rng) -> Self {
        // Four gateways, and three rows of services behind them.
        let services = [
            number % 4,
            random.random_range(4..16),
            random.random_range(16..28),
            random.random_range(28..SERVICES),
        ];
        Self {
            method: ["GET", "GET", "POST", "PUT"][number % 4],
            path: format!(
                "/api/v1/{}/{}-{number}",
                NOUNS[number % NOUNS.len()],
                NOUNS[number / 7 % NOUNS.len()]
            ),
            services,
            backend: format!("{}-db", NOUNS[services[HOPS - 1] % NOUNS.len()]),
        }
    }
}

/// Sorts spans into the resources of their services. They come sorted by service.
fn request_of(spans: Vec<(usize, Span)>) -> ExportTraceServiceRequest {
    let mut resource_spans: Vec<(usize, Vec<Span>)> = Vec::new();
    for (service, span) in spans {
        match resource_spans.last_mut() {
            Some((last, spans)) if *last == service => spans.push(span),
            _ => resource_spans.push((service, vec![span])),
        }
    }
    let resource_spans =
        resource_spans.into_iter().map(|(service, spans)| of_service(&name_of(service), spans));
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

fn name_of(service: usize) -> String {
    format!("{}-{service:02}", NOUNS[service % NOUNS.len()])
}

/// Spans of one service as Envoy sends them.
pub(crate) fn of_service(name: &str, spans: Vec<Span>) -> ResourceSpans {
    let attributes = [
        ("service.name", name),
        ("telemetry.sdk.language", "cpp"),
        ("telemetry.sdk.name", "envoy"),
        ("telemetry.sdk.version", "9e55809/1.40.0/Clean/RELEASE/BoringSSL"),
    ];
    let attributes = attributes.into_iter().map(|(key, value)| text(key, value.to_owned())).collect();
    let scope = InstrumentationScope {
        name: "envoy".to_owned(),
        version: "9e55809/1.40.0/Clean/RELEASE/BoringSSL".to_owned(),
        ..InstrumentationScope::default()
    };
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

/// An attribute that is text, as all of Envoy's are.
pub(crate) fn text(key: &str, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// A request's bytes.
pub(crate) fn encode(request: &ExportTraceServiceRequest, is_gzip: bool) -> Result<Bytes, Failure> {
    let plain = request.encode_to_vec();
    if !is_gzip {
        return Ok(plain.into());
    }
    let mut packer = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    packer.write_all(&plain)?;
    Ok(packer.finish()?.into())
}

/// The time now, ns since 1970.
pub(crate) fn now_ns() -> Result<u64, Failure> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64)
}
