//! Spans as the tests of searches make them, and what meets a condition said without the database.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::super::*;
use super::NOW_NS;
use crate::rows::span::{
    PeerKind, PeerRef, SpanBatch, SpanBatchBuilder, SpanKind, SpanRow, SpanStatus, VaryingKeys,
};

/// A span as the tests make and judge it.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) parent: u64,
    pub(super) start_ns: i64,
    pub(super) duration_ns: u64,
    pub(super) service: String,
    pub(super) version: String,
    pub(super) name: String,
    pub(super) route: String,
    pub(super) method: String,
    pub(super) peer: String,
    pub(super) message: String,
    pub(super) kind: u8,
    pub(super) status: u16,
    pub(super) flags: (bool, bool, bool, bool),
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) resource: BTreeMap<String, String>,
}

/// Texts that could do harm, and some that are only odd.
pub(super) const WORDS: [&str; 12] = [
    "orders",
    "payments",
    "web",
    "ORDERS",
    "7",
    "12.5",
    "'; DROP TABLE store.spans_20261118; --",
    "a\0b",
    "\"",
    "é ü",
    "363b99c1-0cfb-97ec-8f5b-71e50495cc6d",
    "%_",
];
/// Keys of attributes: some vary, more than a row has columns for.
pub(super) const KEYS: [&str; 10] = [
    "tier",
    "http.url",
    "url.path",
    "db.statement",
    "guid:x-request-id",
    "request_size",
    "url.query",
    "peer.address",
    "'; --",
    "service",
];

pub(super) fn word() -> impl Strategy<Value = String> {
    prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned)
}

pub(super) fn some_word() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), word()]
}

pub(super) fn attributes(most: usize) -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned), word(), 0..most)
}

prop_compose! {
    pub(super) fn drafts()(
        ids in (1_u128..5, 1_u64..6, 0_u64..6),
        times in (0_i64..3_000, prop::sample::select(vec![0, 5_000_000, 250_000_000, u64::MAX])),
        texts in (word(), some_word(), word(), some_word(), some_word(), some_word(), some_word()),
        kind in 0_u8..6,
        status in prop::sample::select(vec![0_u16, 200, 404, 503]),
        flags in any::<(bool, bool, bool, bool)>(),
        attributes in attributes(10),
        resource in attributes(3),
    ) -> Draft {
        let (service, version, name, route, method, peer, message) = texts;
        Draft {
            trace: ids.0, span: ids.1, parent: ids.2,
            start_ns: NOW_NS + times.0 * 1_000_000_000, duration_ns: times.1,
            service, version, name, route, method, peer, message, kind, status, flags, attributes, resource,
        }
    }
}

pub(super) fn batch(drafts: &[Draft], varying: Arc<VaryingKeys>) -> SpanBatch {
    fn pairs(map: &BTreeMap<String, String>) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
        map.iter().map(|(key, value)| (Cow::from(key), Cow::from(value))).collect()
    }
    let mut builder = SpanBatchBuilder::new(drafts.len(), varying);
    for draft in drafts {
        builder.set_resource(&pairs(&draft.resource));
        let peer = Some(PeerRef { kind: PeerKind::Host, system: "", name: &draft.peer });
        let (is_error, is_timeout, is_proxy, is_xray) = draft.flags;
        builder
            .push(&SpanRow {
                trace_id: draft.trace,
                span_id: draft.span,
                parent_span_id: draft.parent,
                start_ns: draft.start_ns,
                duration_ns: draft.duration_ns,
                service: &draft.service,
                version: &draft.version,
                name: &draft.name,
                route: &draft.route,
                method: &draft.method,
                status_message: &draft.message,
                kind: SpanKind::from_number(i32::from(draft.kind)),
                status: SpanStatus::Unset,
                http_status: draft.status,
                is_error,
                is_timeout,
                is_proxy,
                is_xray,
                peer: peer.filter(|peer| !peer.name.is_empty()),
                attributes: &pairs(&draft.attributes),
                ..SpanRow::default()
            })
            .unwrap();
    }
    builder.finish().unwrap()
}

/// The first span of each id, which alone is stored.
pub(super) fn stored(drafts: &[Draft]) -> Vec<Draft> {
    let mut known = BTreeSet::new();
    drafts.iter().filter(|draft| known.insert((draft.trace, draft.span))).cloned().collect()
}

/// Whether a span meets a condition, said without the database.
pub(super) fn meets(condition: &Condition, span: &Draft, all: &[Draft]) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| meets(part, span, all)),
        Condition::OneOf(parts) => parts.iter().any(|part| meets(part, span, all)),
        Condition::Not(inner) => !meets(inner, span, all),
        Condition::Any(inner) => {
            all.iter().any(|other| other.trace == span.trace && meets(inner, other, all))
        }
        Condition::Test(test) => passes(test, span, all),
    }
}

pub(super) fn passes(test: &Test, span: &Draft, all: &[Draft]) -> bool {
    match test {
        Test::Text(TextField::Kind, test) => {
            let TextTest::Is(word) = test else { return false };
            field::KINDS[usize::from(span.kind)] == word
        }
        Test::Text(TextField::Evidence, test) => is_text(test, if span.flags.3 { "xray" } else { "trace" }),
        Test::Text(TextField::Route, test) => {
            let full = if span.method.is_empty() {
                span.route.clone()
            } else {
                format!("{} {}", span.method, span.route)
            };
            !span.route.is_empty() && (is_text(test, &span.route) || is_text(test, &full))
        }
        Test::Text(field, test) => {
            let text = match field {
                TextField::Service => &span.service,
                TextField::Version => &span.version,
                TextField::Name => &span.name,
                TextField::Method => &span.method,
                TextField::Peer => &span.peer,
                _ => "",
            };
            !text.is_empty() && is_text(test, text)
        }
        Test::Number(NumberField::Duration, order, ns) => stands(*order, &span.duration_ns, ns),
        Test::Number(NumberField::Status, order, status) => {
            span.status != 0 && stands(*order, &u64::from(span.status), status)
        }
        Test::Flag(Flag::Error) => span.flags.0,
        Test::Flag(Flag::Timeout) => span.flags.1,
        Test::Flag(Flag::Proxy) => span.flags.2,
        Test::Flag(Flag::Root) => span.parent == 0,
        Test::Trace(id) => span.trace == *id,
        Test::Span(id) => span.span == *id,
        Test::Attribute(key, test) => [&span.attributes, &span.resource]
            .into_iter()
            .filter_map(|map| map.get(key))
            .any(|value| match test {
                AttributeTest::Exists => true,
                AttributeTest::Text(test) => is_text(test, value),
                AttributeTest::Number(order, number) => {
                    value.parse::<f64>().is_ok_and(|value| stands(*order, &value, number))
                }
            }),
        Test::FreeText(text) => {
            let test = TextTest::Contains(text.clone());
            is_text(&test, &span.name)
                || (!span.message.is_empty() && is_text(&test, &span.message))
                || span.attributes.values().any(|value| is_text(&test, value))
        }
        Test::Edge { caller, callee } => {
            let calls = (3..=4).contains(&span.kind) && span.service == *caller && span.peer == *callee;
            let is_parent = |other: &Draft| {
                other.trace == span.trace && other.span == span.parent && other.service == *caller
            };
            calls || (caller != callee && span.service == *callee && all.iter().any(is_parent))
        }
    }
}

pub(super) fn is_text(test: &TextTest, text: &str) -> bool {
    match test {
        TextTest::Is(wanted) => text == wanted,
        TextTest::Contains(part) => text.to_lowercase().contains(&part.to_lowercase()),
    }
}

pub(super) fn stands<T: PartialOrd>(order: Order, one: &T, other: &T) -> bool {
    match order {
        Order::Equal => one == other,
        Order::Less => one < other,
        Order::AtMost => one <= other,
        Order::Greater => one > other,
        Order::AtLeast => one >= other,
    }
}
