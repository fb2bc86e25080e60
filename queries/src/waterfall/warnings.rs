//! What is odd about a trace, in words.

use std::collections::BTreeMap;

use crate::api::traces::TraceWarning;
use crate::graph::SETTLE_SECONDS;
use crate::rows::span::SpanKind;

use super::forest::{Forest, Placed};

/// Spans that a warning names at most.
const MAX_NAMED: usize = 100;
/// Pairs of services whose clocks are spoken of, at most.
const MAX_PAIRS: usize = 20;

/// All that is odd, worst first. `span_count` is how many spans are stored, `now_ns` the time now.
pub(super) fn warnings(forest: &Forest<'_>, span_count: u64, now_ns: i64) -> Vec<TraceWarning> {
    let is_arriving = is_arriving(forest, now_ns);
    let mut all = vec![
        too_many(forest, span_count),
        circles(forest),
        missing_parents(forest, is_arriving),
        several_roots(forest),
    ];
    all.extend(clock_skew(forest).into_iter().map(Some));
    all.extend([no_end(forest), ends_after_parent(forest), still_arriving(forest, now_ns, is_arriving)]);
    all.into_iter().flatten().collect()
}

fn warning(kind: &str, message: String, spans: impl IntoIterator<Item = usize>) -> TraceWarning {
    let spans = spans.into_iter().take(MAX_NAMED).map(|span| span as u32).collect();
    TraceWarning { kind: kind.to_owned(), message, spans }
}

/// A number of spans, in words, with the verb that goes with it.
fn count(spans: usize, one: &str, more: &str) -> String {
    match spans {
        1 => format!("1 span {one}"),
        _ => format!("{spans} spans {more}"),
    }
}

fn too_many(forest: &Forest<'_>, span_count: u64) -> Option<TraceWarning> {
    let given = forest.spans.len();
    (span_count > given as u64).then(|| {
        let message = format!(
            "{span_count} spans are stored, more than can be shown: these are the {given} that start first. A client that \
             never begins a new trace does this."
        );
        warning("too_many_spans", message, [])
    })
}

fn circles(forest: &Forest<'_>) -> Option<TraceWarning> {
    (!forest.cut.is_empty()).then(|| {
        let message = format!(
            "{} among their own parents: the circle is cut open at the one that starts first.",
            count(forest.cut.len(), "is", "are")
        );
        warning("loop", message, forest.cut.iter().copied())
    })
}

fn missing_parents(forest: &Forest<'_>, is_arriving: bool) -> Option<TraceWarning> {
    let names_parent = |&root: &usize| forest.spans[root].stored.skeleton.parent_span_id != 0;
    let orphans: Vec<usize> =
        forest.roots.iter().copied().filter(names_parent).filter(|root| !forest.cut.contains(root)).collect();
    if orphans.is_empty() {
        return None;
    }
    let parents: std::collections::BTreeSet<u64> =
        orphans.iter().map(|&span| forest.spans[span].stored.skeleton.parent_span_id).collect();
    let why = if is_arriving {
        "They may be on their way still."
    } else {
        "They were not sampled, not sent here, or lost."
    };
    let message = format!(
        "{} a parent that is not stored ({}). {why}",
        count(orphans.len(), "names", "name"),
        if parents.len() == 1 { "1 is missing".to_owned() } else { format!("{} are missing", parents.len()) },
    );
    Some(warning("missing_parent", message, orphans))
}

fn several_roots(forest: &Forest<'_>) -> Option<TraceWarning> {
    let is_first = |&root: &usize| forest.spans[root].stored.skeleton.parent_span_id == 0;
    let roots: Vec<usize> = forest.roots.iter().copied().filter(is_first).collect();
    (roots.len() > 1).then(|| {
        let names: Vec<String> = roots.iter().take(3).map(|&root| name(&forest.spans[root])).collect();
        let more = if roots.len() > 3 { ", …" } else { "" };
        let message = format!(
            "{} no parent: {}{more}. Somebody between them does not pass the trace on, or one id is used for several \
             traces.",
            count(roots.len(), "has", "have"),
            names.join(", ")
        );
        warning("several_roots", message, roots)
    })
}

/// A span by who made it and what it is called.
fn name(span: &Placed<'_>) -> String {
    format!("`{}` of {}", span.stored.shape.name, span.workload.service)
}

/// Whether the span was made at another place than its parent, in answer to it, and could lie within it.
fn answers(parent: &Placed<'_>, span: &Placed<'_>) -> bool {
    let is_elsewhere = parent.hop != span.hop || parent.stored.shape.instance != span.stored.shape.instance;
    let is_message = |span: &Placed<'_>| matches!(span.kind(), SpanKind::Producer | SpanKind::Consumer);
    is_elsewhere && !is_message(parent) && !is_message(span)
}

/// By how much the clock of the span's maker is behind (below zero) or ahead of its parent's, at least, ns: as far as the
/// span lies outside the parent that it would fit into.
fn skew(parent: &Placed<'_>, span: &Placed<'_>) -> Option<i128> {
    let rounding = span.rounding_ns().max(parent.rounding_ns());
    let (before, after) = (parent.start() - span.start(), span.end() - parent.end());
    if !answers(parent, span) {
        None
    } else if before > rounding {
        Some(-before)
    } else if after > rounding && span.duration_ns() <= parent.duration_ns() {
        Some(after)
    } else {
        None
    }
}

/// What is known of the clocks of two services.
#[derive(Default)]
struct Clocks {
    spans: Vec<usize>,
    /// The largest differences each way.
    behind: i128,
    ahead: i128,
}

fn clock_skew(forest: &Forest<'_>) -> Vec<TraceWarning> {
    let mut pairs: BTreeMap<(&str, &str), Clocks> = BTreeMap::new();
    for (number, span) in forest.spans.iter().enumerate() {
        let Some(parent) = span.parent.map(|parent| &forest.spans[parent]) else { continue };
        let Some(skew) = skew(parent, span) else { continue };
        let clocks = pairs.entry((&parent.workload.service, &span.workload.service)).or_default();
        clocks.spans.push(number);
        clocks.behind = clocks.behind.max(-skew);
        clocks.ahead = clocks.ahead.max(skew);
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(_, clocks)| std::cmp::Reverse(clocks.behind.max(clocks.ahead)));
    let told = pairs.into_iter().take(MAX_PAIRS).map(|((caller, callee), clocks)| {
        let (size, way) = match (clocks.behind, clocks.ahead) {
            (behind, 0) => (behind, "behind"),
            (0, ahead) => (ahead, "ahead of"),
            (behind, ahead) => (behind.max(ahead), "now behind, now ahead of"),
        };
        let message = format!(
            "The clock of {callee} is at least {} {way} that of {caller}: {} outside the call that {} is a part of. Times \
             are shown as they were sent.",
            duration(size),
            count(clocks.spans.len(), "lies", "lie"),
            if clocks.spans.len() == 1 { "it" } else { "each" },
        );
        warning("clock_skew", message, clocks.spans)
    });
    told.collect()
}

fn no_end(forest: &Forest<'_>) -> Option<TraceWarning> {
    let says_so = |span: &Placed<'_>| {
        span.stored.attributes.get("aws.xray.inprogress").is_some_and(|flag| flag == "true")
    };
    let endless = |&number: &usize| {
        let span = &forest.spans[number];
        span.duration_ns() == 0 || says_so(span)
    };
    let endless: Vec<usize> = (0..forest.spans.len()).filter(endless).collect();
    (!endless.is_empty()).then(|| {
        let message =
            format!("{} no end, or none that is later than its start.", count(endless.len(), "has", "have"));
        warning("no_end", message, endless)
    })
}

fn ends_after_parent(forest: &Forest<'_>) -> Option<TraceWarning> {
    let mut latest = 0;
    let mut late = Vec::new();
    for (number, span) in forest.spans.iter().enumerate() {
        let Some(parent) = span.parent.map(|parent| &forest.spans[parent]) else { continue };
        let after = span.end() - parent.end();
        let is_message = span.kind() == SpanKind::Consumer || parent.kind() == SpanKind::Producer;
        if after > span.rounding_ns() && !is_message && skew(parent, span).is_none() {
            latest = latest.max(after);
            late.push(number);
        }
    }
    (!late.is_empty()).then(|| {
        let message = format!(
            "{} after the parent has ended, by up to {}: nobody waits for that, or the caller gave up.",
            count(late.len(), "ends", "end"),
            duration(latest)
        );
        warning("ends_after_parent", message, late)
    })
}

/// Whether further spans may be on their way.
fn is_arriving(forest: &Forest<'_>, now_ns: i64) -> bool {
    i128::from(now_ns) - forest.end_ns() < i128::from(SETTLE_SECONDS) * 1_000_000_000
}

fn still_arriving(forest: &Forest<'_>, now_ns: i64, is_arriving: bool) -> Option<TraceWarning> {
    is_arriving.then(|| {
        let since = i128::from(now_ns) - forest.end_ns();
        let when = if since < 0 {
            "The last span ends in the future".to_owned()
        } else {
            format!("The last span ended {} ago", duration(since))
        };
        let message = format!("{when}: more may come, which takes up to {SETTLE_SECONDS} s.");
        warning("still_arriving", message, [])
    })
}

/// A duration in the unit that suits it.
fn duration(ns: i128) -> String {
    let (unit_ns, unit) = match ns {
        ..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = ns as f64 / unit_ns;
    if value < 100.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}
