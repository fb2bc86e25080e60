//! Two sets of spans, and which attributes tell them apart.

mod attributes;
mod side;

use leptos::prelude::*;
use sidecarta_queries::api::compare::{CompareResponse, Comparison};

use self::attributes::Attributes;
use self::side::{Baseline, Selection};
use crate::components::icon::{ARROW, COMPARE, Icon, SWAP};
use crate::components::notice::Answered;
use crate::page::Page;
use crate::remote::asked;
use crate::state::PageState;

/// The page `/traces/compare`.
#[component]
pub(crate) fn ComparePage() -> impl IntoView {
    let page = expect_context::<Page>();
    let is_same = Memo::new(move |_| page.state.with(asks_the_same));
    let polled = asked::<CompareResponse>(move || {
        let parameters = page.state.with(PageState::compare_parameters);
        (!is_same.get()).then(|| format!("/traces/compare?{parameters}"))
    });
    let sets = Memo::new(move |_| {
        polled.remote.with(|remote| {
            let comparison = remote.value.as_ref().map(|answer| &answer.comparison)?;
            Some((comparison.selection.clone(), comparison.baseline.clone()))
        })
    });
    let traces_link = move || page.state.with(|state| state.traces_link(&state.traces.selection));
    let draw = |answer: Signal<CompareResponse>| {
        view! { <Difference comparison=Memo::new(move |_| answer.get().comparison) /> }.into_any()
    };
    view! {
        <div class="page" data-testid="comparison">
            <nav class="crumbs" aria-label="Where you are">
                <a href=traces_link>"Traces"</a>
                <Icon path=ARROW />
                <span aria-current="page">"Compare"</span>
            </nav>
            <div class="page-head">
                <h1>"Compare traces"</h1>
                <p>"Which attributes tell the selection from the baseline?"</p>
                <div class="end">
                    <button class="btn" data-testid="swap" on:click=move |_| page.change(swap)>
                        <Icon path=SWAP />
                        "Swap"
                    </button>
                </div>
            </div>
            <div class="sides">
                <Selection page sets /> <Baseline page sets />
            </div>
            <Show when=move || !is_same.get() fallback=same>
                <Answered polled draw />
            </Show>
        </div>
    }
    .into_any()
}

/// Whether both sides are one and the same set.
fn asks_the_same(state: &PageState) -> bool {
    let traces = &state.traces;
    traces.selection == traces.baseline && traces.baseline_from.is_none() && traces.baseline_to.is_none()
}

/// Each side takes the other's query and range.
fn swap(state: &mut PageState) {
    let traces = &mut state.traces;
    std::mem::swap(&mut traces.selection, &mut traces.baseline);
    if let (Some(from), Some(to)) = (&mut traces.baseline_from, &mut traces.baseline_to) {
        std::mem::swap(from, &mut state.from);
        std::mem::swap(to, &mut state.to);
    }
}

fn same() -> AnyView {
    view! {
        <div class="card notice-card">
            <div class="notice" data-testid="same">
                <span class="notice-mark"><Icon path=COMPARE /></span>
                <h2>"Both sides ask the same"</h2>
                <p>
                    "Give them different conditions, as "<code>"error"</code>" and "<code>"not error"</code>
                    ", or the baseline a range of its own. “Compare” on the page of traces has ready-made ones."
                </p>
            </div>
        </div>
    }
    .into_any()
}

/// What the answer says: the attributes, or why there are none.
#[component]
fn Difference(comparison: Memo<Comparison>) -> impl IntoView {
    let missing = move || comparison.with(missing);
    move || match missing() {
        None => view! { <Attributes comparison /> }.into_any(),
        Some((title, words)) => view! {
            <div class="card notice-card">
                <div class="notice" data-testid="no-difference">
                    <span class="notice-mark"><Icon path=COMPARE /></span>
                    <h2>{title}</h2>
                    <p>{words}</p>
                </div>
            </div>
        }
        .into_any(),
    }
}

/// Why there is nothing to be seen, where that is so.
fn missing(comparison: &Comparison) -> Option<(&'static str, &'static str)> {
    let advice = "Choose a longer range or fewer conditions for it.";
    match (comparison.selection.spans, comparison.baseline.spans) {
        (0, 0) => Some(("No span is in either set", advice)),
        (0, _) => Some(("No span is in the selection", advice)),
        (_, 0) => Some(("No span is in the baseline", advice)),
        _ if comparison.attributes.is_empty() => {
            Some(("Nothing tells the sets apart", "Every attribute has the same values in both, as often."))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_change_places_with_their_ranges() {
        let query = "from=-1h&selection=error&baseline=root&baseline_from=-2h&baseline_to=-1h";
        let mut state = PageState::parse(query);
        swap(&mut state);
        assert_eq!((state.traces.selection.as_str(), state.traces.baseline.as_str()), ("root", "error"));
        assert_eq!((state.from.as_str(), state.to.as_str()), ("-2h", "-1h"));
        assert_eq!(state.traces.baseline_to.as_deref(), Some("now"));
        swap(&mut state);
        assert_eq!(state, PageState::parse(query));
    }

    #[test]
    fn only_a_difference_is_asked_for() {
        assert!(asks_the_same(&PageState::parse("selection=error&baseline=error")));
        assert!(!asks_the_same(&PageState::parse("selection=error")));
        assert!(!asks_the_same(&PageState::parse("baseline_from=-30m&baseline_to=-15m")));
    }
}
