//! One side of a comparison: its query, its range and its size.

use leptos::prelude::*;
use sidecarta_queries::api::compare::SetOfSpans;

use crate::clock;
use crate::components::query_box::{Draft, QueryBox};
use crate::components::time_picker::range_label;
use crate::format;
use crate::model::comparing::left_out;
use crate::page::Page;
use crate::preferences::Preferences;
use crate::state::PageState;

/// Both sets, where they are known.
type Sets = Memo<Option<(SetOfSpans, SetOfSpans)>>;

/// The set that is looked into.
#[component]
pub(super) fn Selection(page: Page, sets: Sets) -> impl IntoView {
    let zone = expect_context::<Preferences>().zone;
    let draft = Draft::new(
        page,
        "selection",
        move || page.state.with(|state| state.traces.selection.clone()),
        move |text| page.change(|state| state.traces.selection = text),
    );
    let range = move || page.state.with(|state| range_label(state, zone.get()));
    let set = Memo::new(move |_| sets.with(|sets| sets.as_ref().map(|(selection, _)| selection.clone())));
    view! {
        <section class="card side is-selection" aria-label="Selection">
            <header class="side-head">
                <h2><span class="swatch"></span>"Selection"</h2>
                <span class="muted small num">{range}</span>
            </header>
            <QueryBox draft label="Query of the selection" placeholder="All spans" />
            {numbers(set)}
        </section>
    }
    .into_any()
}

/// What it is held against.
#[component]
pub(super) fn Baseline(page: Page, sets: Sets) -> impl IntoView {
    let draft = Draft::new(
        page,
        "baseline",
        move || page.state.with(|state| state.traces.baseline.clone()),
        move |text| page.change(|state| state.traces.baseline = text),
    );
    let set = Memo::new(move |_| sets.with(|sets| sets.as_ref().map(|(_, baseline)| baseline.clone())));
    view! {
        <section class="card side" aria-label="Baseline">
            <header class="side-head">
                <h2><span class="swatch"></span>"Baseline"</h2>
                {baseline_range(page)}
            </header>
            <QueryBox draft label="Query of the baseline" placeholder="All spans" />
            {numbers(set)}
        </section>
    }
    .into_any()
}

/// The baseline's range: the selection's, or one of its own.
fn baseline_range(page: Page) -> AnyView {
    let zone = expect_context::<Preferences>().zone;
    let own = Memo::new(move |_| page.state.with(|state| own_range(state).is_some()));
    let words =
        move || page.state.with(|state| own_range(state).map(|range| range_label(&range, zone.get())));
    let choice = move |name: &'static str, is_own: bool, test_id: &'static str| {
        view! {
            <button
                aria-pressed=move || (own.get() == is_own).to_string()
                data-testid=test_id
                on:click=move |_| page.change(|state| choose_range(state, is_own))
            >
                {name}
            </button>
        }
    };
    view! {
        <span class="muted small num">{words}</span>
        <div class="segmented" role="group" aria-label="Range of the baseline">
            {choice("Same range", false, "range-same")} {choice("Range before", true, "range-before")}
        </div>
    }
    .into_any()
}

/// A state with the baseline's range in place of the page's, where it has its own.
pub(super) fn own_range(state: &PageState) -> Option<PageState> {
    let traces = &state.traces;
    if traces.baseline_from.is_none() && traces.baseline_to.is_none() {
        return None;
    }
    let from = traces.baseline_from.clone().unwrap_or_else(|| state.from.clone());
    let to = traces.baseline_to.clone().unwrap_or_else(|| state.to.clone());
    Some(PageState { from, to, tz: state.tz, ..PageState::default() })
}

fn choose_range(state: &mut PageState, is_own: bool) {
    let before = is_own.then(|| clock::range_before(state)).flatten();
    (state.traces.baseline_from, state.traces.baseline_to) = before.unzip();
}

/// The size of a set, how often it failed and how long it took.
fn numbers(set: Memo<Option<SetOfSpans>>) -> AnyView {
    let tile = move |name: &'static str, read: fn(&SetOfSpans) -> String| {
        let value = move || set.with(|set| set.as_ref().map_or_else(|| "–".to_owned(), read));
        view! {
            <div class="tile">
                <dt>{name}</dt>
                <dd class="num" data-set=name>{value}</dd>
            </div>
        }
    };
    let note = move || set.with(|set| set.as_ref().and_then(left_out));
    view! {
        <dl class="tiles">
            {tile("Spans", |set| format::count(set.spans))} {tile("Traces", |set| format::count(set.traces))}
            {tile("Errors", |set| format::percent(set.error_rate))}
            {tile("p50", |set| duration(set, set.p50_ms))} {tile("p99", |set| duration(set, set.p99_ms))}
        </dl>
        {move || note().map(|words| view! { <p class="muted small">{words}</p> })}
    }
    .into_any()
}

/// Nothing takes no time: it has none.
fn duration(set: &SetOfSpans, ms: f64) -> String {
    format::duration_or_dash(Some(ms).filter(|_| set.spans > 0))
}
