//! The spans of a large mesh over a month.
//!
//! What came in over a month stands in the rollups as one row for each edge and day, or hour, or minute. To get there
//! in a minute, all requests of an edge in such a step start within one 10-second bucket and are sent together, so
//! that they become one row, as they would have by being summed up over time.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, LogNormal};

use crate::Failure;
use crate::envoy_spans::{encode, now_ns, of_service, text};
use crate::sender::{Load, Prepared, Way};

/// Days before this one. Of this one there are its full hours, and the last minutes.
const DAYS: u64 = 29;
const MINUTES: u64 = 15;
/// Requests of an edge a minute in the last quarter of an hour.
const A_MINUTE: u32 = 4;

const SECOND_NS: u64 = 1_000_000_000;
const HOUR_NS: u64 = 3_600 * SECOND_NS;
const DAY_NS: u64 = 24 * HOUR_NS;
const BUCKET_NS: u64 = 10 * SECOND_NS;
/// Edges of one request.
const EDGES_A_REQUEST: usize = 32;

/// How large a mesh is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeshSize {
    pub(crate) services: usize,
    pub(crate) edges: usize,
    /// Routes of each service, each of which one of its callers takes; none where requests are to say no path.
    pub(crate) routes: usize,
}

/// Requests from one service to another, along a route where they have any.
#[derive(Clone, Copy, Debug)]
struct Hop {
    source: usize,
    target: usize,
    route: Option<usize>,
}

/// Makes the requests.
pub(crate) struct GraphSpans {
    random: ChaCha8Rng,
    latency_ms: LogNormal<f64>,
    hops: Vec<Hop>,
}

impl GraphSpans {
    pub(crate) fn new(seed: u64, size: MeshSize) -> Result<Self, Failure> {
        let MeshSize { services, edges: count, routes } = size;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Each service calls a few with higher numbers, so that there is no cycle.
        let mut edges = std::collections::BTreeSet::new();
        for target in 1..services {
            edges.insert((random.random_range(target.saturating_sub(40)..target), target));
        }
        while edges.len() < count {
            let source = random.random_range(0..services - 1);
            edges.insert((source, random.random_range(source + 1..services.min(source + 60))));
        }
        let mut hops: Vec<Hop> =
            edges.into_iter().map(|(source, target)| Hop { source, target, route: None }).collect();
        if routes > 0 {
            hops = along_routes(hops, routes);
        }
        Ok(Self { random, latency_ms: LogNormal::new(3.0, 0.7)?, hops })
    }

    /// What happened up to an hour ago: so many requests of each edge on each day before, and one in each hour of this
    /// day, which is not summed up yet.
    pub(crate) fn past(&mut self, requests_a_day: u32) -> Result<Load, Failure> {
        let now = now_ns()?;
        let mut requests = Vec::new();
        for day in (1..=DAYS).rev() {
            self.step(&mut requests, now - day * DAY_NS, HOUR_NS, requests_a_day)?;
        }
        for hour in (1..=now % DAY_NS / HOUR_NS).rev() {
            self.step(&mut requests, now - hour * HOUR_NS, HOUR_NS / 6, 1)?;
        }
        Ok(Load { requests: Arc::new(requests), way: Way::HttpPlain })
    }

    /// One span of twenty days ago, which another attribute tells from all others.
    pub(crate) fn needle(&mut self) -> Result<Load, Failure> {
        let hop = self.hops[0];
        let (mut span, _) = self.call(hop, now_ns()? - 20 * DAY_NS);
        span.attributes.push(text("db.statement", "needle".to_owned()));
        let resource_spans = vec![of_service(&name_of(hop.source), vec![span])];
        let body = encode(&ExportTraceServiceRequest { resource_spans }, false)?;
        Ok(Load { requests: Arc::new(vec![Prepared { body, spans: 1 }]), way: Way::HttpPlain })
    }

    /// The last quarter of an hour.
    pub(crate) fn present(&mut self) -> Result<Load, Failure> {
        let now = now_ns()?;
        let mut requests = Vec::new();
        for minute in (1..MINUTES).rev() {
            self.step(&mut requests, now - minute * 60 * SECOND_NS, 20 * SECOND_NS, A_MINUTE)?;
        }
        Ok(Load { requests: Arc::new(requests), way: Way::HttpPlain })
    }

    /// One request of each edge, a few seconds ago.
    pub(crate) fn now(&mut self) -> Result<Load, Failure> {
        let mut requests = Vec::new();
        self.step(&mut requests, now_ns()? - 2 * BUCKET_NS, 1, 1)?;
        Ok(Load { requests: Arc::new(requests), way: Way::HttpPlain })
    }

    /// So many requests of each edge, within one bucket that begins up to `spread_ns` after `from_ns`.
    fn step(
        &mut self,
        requests: &mut Vec<Prepared>,
        from_ns: u64,
        spread_ns: u64,
        each: u32,
    ) -> Result<(), Failure> {
        let count = self.hops.len();
        for first in (0..count).step_by(EDGES_A_REQUEST) {
            let edges = first..(first + EDGES_A_REQUEST).min(count);
            let mut resource_spans = Vec::new();
            let mut spans = 0;
            for edge in edges {
                let bucket = (from_ns + self.random.random_range(0..spread_ns)).next_multiple_of(BUCKET_NS);
                let hop = self.hops[edge];
                let calls = (0..each).map(|_| self.call(hop, bucket)).collect::<Vec<_>>();
                let (sent, received): (Vec<Span>, Vec<Span>) = calls.into_iter().unzip();
                spans += 2 * each;
                resource_spans.push(of_service(&name_of(hop.source), sent));
                resource_spans.push(of_service(&name_of(hop.target), received));
            }
            let body = encode(&ExportTraceServiceRequest { resource_spans }, false)?;
            requests.push(Prepared { body, spans });
        }
        Ok(())
    }

    /// One request, as the caller and as the callee saw it.
    fn call(&mut self, hop: Hop, bucket_ns: u64) -> (Span, Span) {
        let (random, target) = (&mut self.random, hop.target);
        let start = bucket_ns + random.random_range(0..BUCKET_NS - SECOND_NS);
        let duration = (self.latency_ms.sample(random) * 1e6) as u64 + 1_000;
        let failed = random.random_ratio(1, 100);
        let attributes = [
            ("component", "proxy".to_owned()),
            ("http.method", "GET".to_owned()),
            ("http.status_code", if failed { "503" } else { "200" }.to_owned()),
        ];
        let mut attributes: Vec<KeyValue> =
            attributes.into_iter().map(|(key, value)| text(key, value)).collect();
        if let Some(route) = hop.route {
            let id: u32 = random.random();
            attributes.push(text("http.url", format!("http://{}/parts/part-{route}/{id}", name_of(target))));
        }
        let sent = Span {
            trace_id: random.random::<[u8; 16]>().to_vec(),
            span_id: random.random::<[u8; 8]>().to_vec(),
            start_time_unix_nano: start,
            end_time_unix_nano: start + duration + duration / 8,
            name: "egress".to_owned(),
            kind: 3,
            attributes: attributes
                .iter()
                .cloned()
                .chain([text("upstream_cluster", name_of(target))])
                .collect(),
            ..Span::default()
        };
        let received = Span {
            span_id: random.random::<[u8; 8]>().to_vec(),
            parent_span_id: sent.span_id.clone(),
            end_time_unix_nano: start + duration,
            name: "ingress".to_owned(),
            kind: 2,
            attributes,
            ..sent.clone()
        };
        (sent, received)
    }
}

/// The routes of each service, shared out among those who call it.
fn along_routes(edges: Vec<Hop>, routes: usize) -> Vec<Hop> {
    let mut callers: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
    for Hop { source, target, .. } in edges {
        callers.entry(target).or_default().push(source);
    }
    let hops = callers.into_iter().flat_map(|(target, callers)| {
        (0..routes).map(move |route| Hop {
            source: callers[route % callers.len()],
            target,
            route: Some(route),
        })
    });
    hops.collect()
}

fn name_of(service: usize) -> String {
    format!("service-{service:03}")
}
