//! Conditions that are asked for most, as buttons that write them into the query.

use leptos::prelude::*;
use sidecarta_queries::api::graph::NodeKind;

use super::context::TracesContext;
use crate::components::icon::of_health;
use crate::components::icon::{FILTER, Icon};
use crate::live::Live;
use crate::model::query_text::{holds, quoted, toggled, value_of, with, without};

/// Durations that are offered.
const DURATIONS: [&str; 7] = ["10ms", "50ms", "100ms", "250ms", "500ms", "1s", "5s"];

/// The row of filters.
#[component]
pub(super) fn Filters() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let live = expect_context::<Live>();
    let query = Memo::new(move |_| traces.page.state.with(|state| state.traces.query.clone()));
    let services = Memo::new(move |_| {
        live.snapshot.with(|snapshot| {
            let nodes = snapshot.iter().flat_map(|snapshot| snapshot.nodes.values());
            let mut names: Vec<String> = nodes
                .filter(|node| matches!(node.kind, NodeKind::Service | NodeKind::Gateway))
                .map(|node| quoted(&node.name))
                .collect();
            names.sort();
            names.dedup();
            names
        })
    });
    let durations = Memo::new(|_| DURATIONS.map(str::to_owned).to_vec());
    view! {
        <div class="filters" role="group" aria-label="Filters">
            <Icon path=FILTER />
            <button
                class="btn"
                aria-pressed=move || query.with(|query| holds(query, "error")).to_string()
                data-testid="only-errors"
                on:click=move |_| traces.change_query(|query| toggled(query, "error"))
            >
                <Icon path=of_health(sidecarta_queries::api::graph::Health::Failing) />
                "Errors"
            </button>
            {condition(traces, query, "Any service", ("service=", &["service="]), services)}
            {condition(traces, query, "Any duration", ("duration>=", &["duration>"]), durations)}
        </div>
    }
    .into_any()
}

/// A list of values of which one becomes a condition of the query.
fn condition(
    traces: TracesContext,
    query: Memo<String>,
    any: &'static str,
    (beginning, replaces): (&'static str, &'static [&'static str]),
    values: Memo<Vec<String>>,
) -> AnyView {
    let current = Memo::new(move |_| {
        query.with(|query| value_of(query, beginning).map(str::to_owned)).unwrap_or_default()
    });
    let options = move || {
        let mut values = values.get();
        let current = current.get();
        // What was written by hand is a choice as well.
        if !current.is_empty() && !values.contains(&current) {
            values.insert(0, current.clone());
        }
        let option = |value: String| {
            let is_current = current == value;
            let words = value.trim_matches('"').to_owned();
            let words = if beginning == "duration>=" { format!("{words} or longer") } else { words };
            view! { <option value=value.clone() selected=is_current>{words}</option> }
        };
        values.into_iter().map(option).collect_view()
    };
    view! {
        <label class="field select" class:is-set=move || current.with(|current| !current.is_empty())>
            <span class="sr-only">{any}</span>
            <select
                data-testid=format!("filter-{}", beginning.trim_end_matches(['=', '>']))
                prop:value=current
                on:change=move |event| {
                    let value = event_target_value(&event);
                    traces.change_query(|query| {
                        let rest = without(query, replaces);
                        if value.is_empty() { rest } else { with(&rest, &format!("{beginning}{value}")) }
                    });
                }
            >
                <option value="">{any}</option>
                {options}
            </select>
        </label>
    }
    .into_any()
}
