//! One row of the waterfall.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::traces::TraceSpan;

use super::context::TraceContext;
use super::waterfall::row_id;
use crate::components::icon::{CHEVRON_DOWN, Icon, PROXIES, of_health};
use crate::format;
use crate::model::trace::marks::{Mark, MarkKind, marks};
use crate::model::trace::timeline::{LANE, path_of};
use crate::model::trace::{TraceModel, end_of};
use crate::model::waterfall::Row;

/// How far a child stands in, px.
const INDENT: u32 = 14;
/// How far at most: what is deeper is known by its number.
const INDENT_LIMIT: u32 = 18;
/// Upper edge and height of a bar in its lane, in the units of the drawing.
const BAR: (f64, f64) = (7.0, 14.0);
/// Upper edge and height of the critical path in a bar.
const CRITICAL: (f64, f64) = (18.0, 3.0);

/// A span as a row. It is made anew when anything but the window of time and the selection changes.
#[component]
pub(super) fn SpanRow(row: Row, index: usize, height: Memo<f64>) -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let model = trace.model_now();
    let Some(span) = model.span(row.span) else { return ().into_any() };
    let at = row.span;
    let is_selected = move || trace.selected.get() == Some(at);
    view! {
        <div
            id=row_id(at)
            class="span-row"
            class:is-selected=is_selected
            class:is-active=move || trace.cursor.get() == Some(at)
            class:is-hit=move || trace.hit_rows.with(|rows| rows.contains(&index))
            role="row"
            attr:aria-level=(row.depth + 1).to_string()
            aria-rowindex=(index + 1).to_string()
            aria-expanded=row.open.map(|open| open.to_string())
            aria-selected=move || is_selected().to_string()
            style:transform=move || format!("translateY({}px)", index as f64 * height.get())
            data-testid="span-row"
            data-span-id=span.span_id.clone()
            data-proxy=span.is_proxy.to_string()
            on:click=move |_| trace.select(at)
        >
            <div class="span-name" role="gridcell" style:--indent=format!("{}px", row.depth.min(INDENT_LIMIT) * INDENT)>
                {opener(trace, row, span)}
                <i class="service-chip" style:background=colour(&model, span)></i>
                <span class="span-words" title=format!("{} {}", span.service, span.name)>
                    <span class="span-service">{span.service.clone()}</span>
                    <span class="span-operation">{span.name.clone()}</span>
                </span>
                {signs(trace, row, span)}
            </div>
            <div class="span-lane" role="gridcell">
                <Bar model=Arc::clone(&model) row index />
            </div>
        </div>
    }
    .into_any()
}

/// The colour of a span's service.
pub(super) fn colour(model: &TraceModel, span: &TraceSpan) -> String {
    format!("var(--service-{})", model.colour(&span.service))
}

/// Opens and closes what is below; says how much it hides.
fn opener(trace: TraceContext, row: Row, span: &TraceSpan) -> AnyView {
    let Some(open) = row.open else { return view! { <i class="span-opener"></i> }.into_any() };
    let id = span.span_id.clone();
    let toggle = move |event: leptos::ev::MouseEvent| {
        event.stop_propagation();
        trace.cursor.set(Some(row.span));
        trace.folding.update(|folding| folding.set_open(&id, !open));
    };
    let words = if open { "Close" } else { "Open" };
    view! {
        <button class="span-opener" class:is-open=open tabindex="-1" aria-label=words data-testid="span-toggle" on:click=toggle>
            <Icon path=CHEVRON_DOWN />
            {(row.below > 0).then(|| format::count(row.below.into()))}
        </button>
    }
    .into_any()
}

/// What is special about a row, in signs with words.
fn signs(trace: TraceContext, row: Row, span: &TraceSpan) -> AnyView {
    let failed = match () {
        () if span.is_timeout => Some("Timed out"),
        () if span.is_error => Some("Failed"),
        () if row.proxy_failed => Some("A proxy of it failed"),
        () if row.errors_below > 0 => Some("Something below failed"),
        () => None,
    };
    let status = span.http_status.filter(|_| span.is_error).map(|status| status.to_string());
    let failed = failed.map(|words| {
        let health = if span.is_error { Health::Failing } else { Health::Degraded };
        let class = if span.is_error { "span-sign is-failing" } else { "span-sign is-degraded" };
        let words =
            span.status_message.as_ref().map_or(words.to_owned(), |message| format!("{words}: {message}"));
        let title = words.clone();
        view! {
            <span class=class title=title data-testid="span-failed">
                <Icon path=of_health(health) />
                <span class="sr-only">{words}</span>
                {status}
            </span>
        }
    });
    let attempt = row.attempt.map(|attempt| {
        let words = format!("try {}/{}", attempt.number, attempt.of);
        view! { <span class="badge span-try" title="The request was tried several times" data-testid="attempt">{words}</span> }
    });
    let hop = span.hop;
    let proxies = row.proxies.map(|proxies| {
        let count = format::plural(proxies.count.into(), "proxy span", "proxy spans");
        let words = if proxies.open {
            format!("Fold {count} into the hop")
        } else {
            format!("Show {count} of this hop")
        };
        let toggle = move |event: leptos::ev::MouseEvent| {
            event.stop_propagation();
            trace.folding.update(|folding| folding.toggle_hop(hop));
        };
        view! {
            <button
                class="span-proxies"
                aria-pressed=proxies.open.to_string()
                tabindex="-1"
                title=words.clone()
                aria-label=words
                data-testid="hop-proxies"
                on:click=toggle
            >
                <Icon path=PROXIES />
                {proxies.count}
            </button>
        }
    });
    let own = span.is_proxy.then(|| view! { <span class="badge span-proxy">"proxy"</span> });
    view! { <span class="span-signs">{failed}{attempt}{own}{proxies}</span> }.into_any()
}

/// The bar with the time of its own, the critical path in it, the marks and the words beside it.
#[component]
fn Bar(model: Arc<TraceModel>, row: Row, index: usize) -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let at = row.span;
    let Some(span) = model.span(at) else { return ().into_any() };
    let (offset, duration, is_error) = (span.offset_ns, span.duration_ns, span.is_error);
    let whole = vec![(offset, duration)];
    let own = model.own_work(at);
    let critical: Vec<(i64, u64)> =
        model.critical[at as usize].iter().map(|piece| (piece.offset_ns, piece.duration_ns)).collect();
    let path = move |pieces: Vec<(i64, u64)>, (top, height): (f64, f64)| {
        move || path_of(trace.window.get(), &pieces, top, height)
    };
    let mut marked = vec![at];
    trace.rows.with_untracked(|rows| marked.extend(rows.folded_into(index)));
    let words = bar_words(span);
    let (from, to) = (offset as f64, end_of(span) as f64);
    let place = move || words_place(trace.window.get().share(from), trace.window.get().share(to));
    let colour = colour(&model, span);
    let drawn_marks = {
        let model = Arc::clone(&model);
        move || marks(&model, &marked, trace.window.get()).iter().map(mark).collect_view()
    };
    view! {
        <svg
            class="span-bar"
            class:is-failed=is_error
            viewBox=format!("0 0 {LANE} 28")
            preserveAspectRatio="none"
            style:color=colour
            aria-hidden="true"
        >
            <path class="bar-whole" d=path(whole, BAR) />
            <path class="bar-own" d=path(own, BAR) />
            <path class="bar-critical" d=path(critical, CRITICAL) />
        </svg>
        {drawn_marks}
        <span class=move || place().0 style=move || place().1>{words}</span>
    }
    .into_any()
}

/// How long it took, and how much of that was its own work.
fn bar_words(span: &TraceSpan) -> String {
    let took = format::duration(span.duration_ns as f64 / 1e6);
    if span.self_ns >= span.duration_ns {
        return took;
    }
    format!("{took} · self {}", format::duration(span.self_ns as f64 / 1e6))
}

/// The words stand right of the bar where there is room, else left of it, else in it.
fn words_place(from: f64, to: f64) -> (&'static str, String) {
    match () {
        () if to < 0.0 => ("bar-words", "left:0%".to_owned()),
        () if from > 1.0 => ("bar-words is-left", "right:0%".to_owned()),
        () if to <= 0.8 => ("bar-words", format!("left:{:.2}%", to * 100.0)),
        () if from >= 0.22 => ("bar-words is-left", format!("right:{:.2}%", (1.0 - from) * 100.0)),
        () => ("bar-words is-left is-inside", format!("right:{:.2}%", (1.0 - to.min(1.0)) * 100.0)),
    }
}

fn mark(mark: &Mark) -> AnyView {
    let kind = match mark.kind {
        MarkKind::Event => "mark-event",
        MarkKind::Log => "mark-log",
        MarkKind::AccessLog => "mark-access-log",
    };
    let bad = if mark.is_bad { " is-bad" } else { "" };
    view! {
        <i
            class=format!("mark {kind}{bad}")
            style:left=format!("{:.2}%", mark.at * 100.0)
            title=mark.words.clone()
            data-testid="mark"
        ></i>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_where_there_is_room() {
        assert_eq!(words_place(0.0, 0.5), ("bar-words", "left:50.00%".to_owned()));
        assert_eq!(words_place(0.5, 0.95), ("bar-words is-left", "right:50.00%".to_owned()));
        assert_eq!(words_place(0.0, 4.0).0, "bar-words is-left is-inside");
        assert_eq!(words_place(-3.0, -1.0).1, "left:0%");
        assert_eq!(words_place(2.0, 3.0).1, "right:0%");
    }

    #[test]
    fn self_time_is_said_where_it_is_not_all() {
        let words = |self_ns| {
            let span = TraceSpan { duration_ns: 12_000_000, self_ns, ..TraceSpan::default() };
            bar_words(&span).replace('\u{202f}', " ")
        };
        assert_eq!(words(12_000_000), "12 ms");
        assert_eq!(words(500_000), "12 ms · self 500 µs");
    }
}
