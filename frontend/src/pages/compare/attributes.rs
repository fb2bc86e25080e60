//! The attributes that differ, most first, each with its values in both sets.

use leptos::prelude::*;
use sidecarta_queries::api::compare::{AttributeDifference, Comparison, ValueShare};

use super::side::own_range;
use crate::components::icon::{Icon, PLUS};
use crate::format;
use crate::model::comparing::{certainty, narrowed};
use crate::page::Page;
use crate::state::PageState;

/// Attributes that are shown before more are asked for.
const FEW: usize = 12;
/// Values of an attribute that are shown before more are asked for.
const FEW_VALUES: usize = 5;

/// The list.
#[component]
pub(super) fn Attributes(comparison: Memo<Comparison>) -> impl IntoView {
    let page = expect_context::<Page>();
    let all = RwSignal::new(false);
    let cards = move || {
        let few = if all.get() { usize::MAX } else { FEW };
        comparison.with(|comparison| {
            comparison.attributes.iter().take(few).map(|attribute| card(page, attribute)).collect_view()
        })
    };
    let more = move || {
        let count = comparison.with(|comparison| comparison.attributes.len());
        (count > FEW && !all.get()).then(|| {
            view! {
                <button class="btn more" data-testid="more-attributes" on:click=move |_| all.set(true)>
                    {format!("Show {} more attributes", count - FEW)}
                </button>
            }
        })
    };
    view! {
        <div class="differences">{cards}</div>
        {more}
    }
    .into_any()
}

fn card(page: Page, attribute: &AttributeDifference) -> AnyView {
    let all = RwSignal::new(false);
    let AttributeDifference { key, values, .. } = attribute.clone();
    let query_key = key.clone();
    let hidden = values.len().saturating_sub(FEW_VALUES);
    let not_given = attribute.value_count.saturating_sub(values.len() as u64);
    let rows = move || {
        let few = if all.get() { usize::MAX } else { FEW_VALUES };
        values.iter().take(few).map(|value| row(page, &query_key, value)).collect_view()
    };
    let more = move || {
        let button = (hidden > 0 && !all.get()).then(|| {
            view! {
                <button class="btn btn-small btn-quiet" on:click=move |_| all.set(true)>
                    {format!("Show {hidden} more")}
                </button>
            }
        });
        let rest = (not_given > 0 && (hidden == 0 || all.get())).then(|| {
            let words = format::plural(not_given, "value differs", "values differ");
            view! { <span class="muted small">{format!("{words} less than these.")}</span> }
        });
        view! {
            {button}
            {rest}
        }
    };
    let certainty_class =
        if attribute.is_significant { "badge certainty is-certain" } else { "badge certainty" };
    view! {
        <section class="card difference" data-testid="attribute" data-key=key.clone()>
            <header class="side-head">
                <h2><code class="truncate" title=key.clone()>{key.clone()}</code></h2>
                <span class=certainty_class>{certainty(attribute)}</span>
                <span
                    class="muted small num"
                    title="Half the sum of the differences of the shares: 100 % where no value is in both sets"
                >
                    {format!("{} apart", format::percent(attribute.effect))}
                </span>
            </header>
            <table class="values">
                <thead class="sr-only">
                    <tr>
                        <th scope="col">"Value"</th>
                        <th scope="col">"Share and spans of the selection, and of the baseline"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <footer class="difference-foot">{more}</footer>
        </section>
    }
    .into_any()
}

/// The search for the spans of the selection that have a value; of the baseline where the selection has none.
fn search_link(state: &PageState, key: &str, value: &ValueShare) -> String {
    let narrows = |query: &str| narrowed(query, key, value.value.as_deref());
    if value.selection_count > 0 {
        return state.traces_link(&narrows(&state.traces.selection));
    }
    let query = narrows(&state.traces.baseline);
    own_range(state).map_or_else(|| state.traces_link(&query), |state| state.traces_link(&query))
}

/// A value, its two bars, and the way to the spans that have it.
fn row(page: Page, key: &str, value: &ValueShare) -> AnyView {
    let words = value.value.clone().unwrap_or_else(|| "not there".to_owned());
    let class = if value.value.is_some() { "value" } else { "value muted" };
    let link = page.state.with_untracked(|state| search_link(state, key, value));
    let set = if value.selection_count > 0 { "selection" } else { "baseline" };
    let title = format!("Search the {set} for {key}: {words}");
    let bar = |name: &'static str, class: &'static str, share: f64, count: u64| {
        let width = format!("{:.1}%", share.clamp(0.0, 1.0) * 100.0);
        view! {
            <span class="paired num" title=format!("{name}: {}", format::count(count))>
                <span class="paired-bar"><span class=class style:width=width></span></span>
                <span class="paired-share">{format::percent(share)}</span>
                <span class="muted paired-count">{format::count(count)}</span>
                <span class="sr-only">{name}</span>
            </span>
        }
    };
    view! {
        <tr data-testid="value">
            <th scope="row">
                <a class=class href=link title=title>
                    <span class="truncate">{words.clone()}</span>
                    <Icon path=PLUS />
                </a>
            </th>
            <td>
                {bar("of the selection", "is-selection", value.selection_share, value.selection_count)}
                {bar("of the baseline", "", value.baseline_share, value.baseline_count)}
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_leads_to_the_set_that_has_it() {
        let query = "selection=error&baseline=not+error&baseline_from=-2h&baseline_to=-1h&from=-1h&tz=utc";
        let state = PageState::parse(query);
        let value = |selection_count| ValueShare {
            value: Some("200".to_owned()),
            selection_count,
            baseline_count: 9,
            ..ValueShare::default()
        };
        let link = |count| search_link(&state, "status", &value(count));
        assert_eq!(link(1), "/traces?from=-1h&q=error+status%3D%22200%22&tz=utc");
        assert_eq!(link(0), "/traces?from=-2h&to=-1h&q=not+error+status%3D%22200%22&tz=utc");
    }
}
