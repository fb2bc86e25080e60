//! What holds for every trace, however broken, and whatever order its spans come in.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::skeletons::end;
use crate::rows::outcome::Outcome;
use crate::rows::span::{Peer, PeerKind, Protocol, Skeleton, SpanFlags, SpanKind, Traits, Workload};
use crate::trace::{Contribution, Endpoint, contributions};

fn workload() -> impl Strategy<Value = Arc<Workload>> {
    let text = |choices: &'static [&'static str]| prop::sample::select(choices).prop_map(str::to_owned);
    let service = text(&["web", "orders", "users", "unknown_service:envoy"]);
    (service, text(&["", "shop"]), text(&["", "v1", "v2"])).prop_map(|(service, namespace, version)| {
        Arc::new(Workload { service, namespace, version, environment: String::new() })
    })
}

fn peer() -> impl Strategy<Value = Option<Arc<Peer>>> {
    const KINDS: &[PeerKind] = &[PeerKind::Service, PeerKind::Database, PeerKind::Queue, PeerKind::Host];
    let peer = (prop::sample::select(KINDS), prop::sample::select(["one", "two"].as_slice()))
        .prop_map(|(kind, name)| Arc::new(Peer { kind, system: String::new(), name: name.to_owned() }));
    prop::option::weighted(0.3, peer)
}

/// Spans with ids and parents among few numbers, so that there are roots, orphans, circles and duplicates.
fn skeleton() -> impl Strategy<Value = Skeleton> {
    let shared = |choices: &'static [&'static str]| {
        prop::option::of(prop::sample::select(choices).prop_map(Arc::<str>::from))
    };
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(error, timeout, proxy, xray)| SpanFlags { error, timeout, proxy, xray });
    let numbers = (1..40_u64, 0..40_u64, -30_000..30_000_i64, 0..50_u64, 0..6_i32);
    let said = (shared(&["GET /a", "POST /b"]), prop::sample::select([0_u16, 200, 503].as_slice()));
    (numbers, workload(), shared(&["one", "two"]), shared(&["node-1", "node-2"]), peer(), flags, said)
        .prop_map(
            |(
                (span_id, parent_span_id, start_ms, duration_ms, kind),
                workload,
                cluster,
                node_id,
                peer,
                flags,
                (route, http_status),
            )| {
                Skeleton {
                    trace_id: 1,
                    span_id,
                    parent_span_id,
                    start_ns: start_ms * 1_000_000,
                    duration_ns: duration_ms * 1_000_000,
                    traits: Arc::new(Traits {
                        workload,
                        upstream_cluster: cluster.filter(|_| flags.proxy),
                        node_id: node_id.filter(|_| flags.proxy),
                        peer,
                        kind: SpanKind::from_number(kind),
                        protocol: Protocol::from_number(kind as u8),
                        flags,
                        route,
                        outcome: Outcome { http_status, ..Outcome::default() },
                    }),
                }
            },
        )
}

/// Everything that a contribution says, as text.
fn key(edge: &Contribution) -> String {
    format!("{edge:?}")
}

fn sorted(edges: &[Contribution]) -> Vec<String> {
    let mut keys: Vec<String> = edges.iter().map(key).collect();
    keys.sort();
    keys
}

proptest! {
    #[test]
    fn the_order_of_the_spans_does_not_matter(
        (spans, shuffled) in vec(skeleton(), 0..40).prop_flat_map(|spans| {
            (Just(spans.clone()), Just(spans).prop_shuffle())
        }),
    ) {
        let (edges, clusters) = contributions(&spans);
        let (edges_shuffled, clusters_shuffled) = contributions(&shuffled);
        prop_assert_eq!(sorted(&edges), sorted(&edges_shuffled));
        prop_assert_eq!(clusters, clusters_shuffled);
    }

    /// As the store does it: per batch add what the trace says with it and take away what it said without it.
    #[test]
    fn what_batches_change_adds_up_to_what_the_whole_trace_says(
        (spans, arriving) in vec(skeleton(), 0..30).prop_flat_map(|spans| {
            (Just(spans.clone()), Just(spans).prop_shuffle())
        }),
        sizes in vec(1..8_usize, 30),
        resent in vec(any::<bool>(), 30),
    ) {
        let mut counts: HashMap<String, i64> = HashMap::new();
        let mut stored: Vec<Skeleton> = Vec::new();
        let mut rest = arriving.as_slice();
        for (size, resent) in sizes.into_iter().zip(resent) {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            for times in 0..=usize::from(resent) {
                let before = contributions(&stored).0;
                stored.extend_from_slice(batch);
                let after = contributions(&stored).0;
                prop_assert!(times == 0 || sorted(&before) == sorted(&after));
                for (edges, sign) in [(&after, 1), (&before, -1)] {
                    for edge in edges {
                        *counts.entry(key(edge)).or_default() += sign;
                    }
                }
            }
        }
        for edge in contributions(&spans).0 {
            *counts.entry(key(&edge)).or_default() -= 1;
        }
        counts.retain(|_, count| *count != 0);
        prop_assert!(counts.is_empty(), "{counts:?}");
    }

    /// Each span has its own duration here, by which it is known again.
    #[test]
    fn every_span_counts_at_most_once_on_each_side(spans in vec(skeleton(), 0..40)) {
        let mut spans = spans;
        for (number, span) in spans.iter_mut().enumerate() {
            span.duration_ns = number as u64;
        }
        let edges = contributions(&spans).0;
        for side in [|edge: &Contribution| edge.server_ns, |edge: &Contribution| edge.client_ns] {
            let mut seen: Vec<u64> = edges.iter().filter_map(side).collect();
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), count);
        }
        let receivers = [SpanKind::Server, SpanKind::Consumer];
        for edge in &edges {
            let server = edge.server_ns.map(|number| spans[number as usize].kind);
            prop_assert!(server.is_none_or(|kind| receivers.contains(&kind)));
            prop_assert!(edge.attempts >= 1 && (edge.client_ns.is_some() || edge.attempts == 1));
            prop_assert!(!matches!(edge.target, Endpoint::Client | Endpoint::Unknown), "{}", end(&edge.target));
            prop_assert_ne!(&edge.source, &edge.target);
        }
    }
}
