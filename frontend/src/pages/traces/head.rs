//! The title with the choices beside it.

use leptos::prelude::*;

use super::context::TracesContext;
use crate::clock;
use crate::components::icon::{COMPARE, HELP, Icon, POINTS, REFRESH, TABLE, TRACES};
use crate::components::popover::Popover;
use crate::model::comparing::{Start, starts};
use crate::state::{PageState, Presentation, TraceOrder};

/// What can be asked for, as examples.
const EXAMPLES: [(&str, &str); 13] = [
    ("service=orders", "spans of a service; != for all others"),
    ("version=v2", "of one version"),
    ("route=\"GET /orders/{id}\"", "of one route"),
    ("name~\"checkout\"", "whose name contains a text; !~ for all others"),
    ("duration>250ms", "that took longer: ns, us, ms, s, m"),
    ("status>=500", "by HTTP status"),
    ("error", "that failed; timeout, proxy and root work alike"),
    ("kind=server", "by kind: client, producer, consumer"),
    ("peer=redis", "that call a database, queue or host"),
    ("user.tier=gold", "by any attribute; its key alone finds all that have it"),
    ("edge(orders, payments)", "a call from one service to another"),
    ("any(service=payments error)", "some other span of the same trace is like this"),
    ("\"out of stock\"", "a text in names, messages and attributes"),
];

/// The title with the choices beside it.
#[component]
pub(super) fn Head() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    view! {
        <div class="page-head traces-head">
            <h1>"Traces"</h1>
            <div class="end">
                <Popover
                    label=|| view! { <Icon path=HELP /><span class="wide-only">"How to ask"</span> }.into_any()
                    test_id="help"
                    about="What the query language knows"
                    class="popover-wide"
                    draw=|_| help()
                />
                <Popover
                    label=|| view! { <Icon path=COMPARE /><span class="wide-only">"Compare"</span> }.into_any()
                    test_id="compare"
                    about="Comparisons of what was found"
                    class="popover-wide"
                    draw=|_| comparisons()
                />
                {order_choice(traces)} {view_choice(traces)}
                <button
                    class="btn btn-icon"
                    title="Search again"
                    aria-label="Search again"
                    data-testid="refresh"
                    on:click=move |_| traces.polled.retry()
                >
                    <Icon path=REFRESH />
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// One button of a row of which one holds.
fn choice(
    traces: TracesContext,
    (name, icon, test_id): (&'static str, Option<&'static str>, &'static str),
    holds: fn(&PageState) -> bool,
    choose: fn(&mut PageState),
) -> AnyView {
    view! {
        <button
            title=name
            aria-label=name
            aria-pressed=move || traces.page.state.with(holds).to_string()
            data-testid=test_id
            on:click=move |_| traces.page.change(choose)
        >
            {match icon {
                Some(icon) => view! { <Icon path=icon /> }.into_any(),
                None => name.into_any(),
            }}
        </button>
    }
    .into_any()
}

fn order_choice(traces: TracesContext) -> AnyView {
    view! {
        <div class="segmented" role="group" aria-label="First come">
            {choice(
                traces,
                ("Newest", None, "order-newest"),
                |state| state.traces.order == TraceOrder::Newest,
                |state| state.traces.order = TraceOrder::Newest,
            )}
            {choice(
                traces,
                ("Slowest", None, "order-slowest"),
                |state| state.traces.order == TraceOrder::Slowest,
                |state| state.traces.order = TraceOrder::Slowest,
            )}
        </div>
    }
    .into_any()
}

fn view_choice(traces: TracesContext) -> AnyView {
    view! {
        <div class="segmented" role="group" aria-label="Show as">
            {choice(
                traces,
                ("Chart and table", Some(TRACES), "view-both"),
                |state| state.view == Presentation::Graph,
                |state| state.view = Presentation::Graph,
            )}
            {choice(
                traces,
                ("Chart", Some(POINTS), "view-scatter"),
                |state| state.view == Presentation::Scatter,
                |state| state.view = Presentation::Scatter,
            )}
            {choice(
                traces,
                ("Table", Some(TABLE), "view-table"),
                |state| state.view == Presentation::Table,
                |state| state.view = Presentation::Table,
            )}
        </div>
    }
    .into_any()
}

fn help() -> AnyView {
    let traces = expect_context::<TracesContext>();
    let rows = EXAMPLES.map(|(example, about)| {
        view! {
            <button class="menu-item help-row" data-closes on:click=move |_| traces.suggest(example)>
                <code>{example}</code>
                <span class="hint">{about}</span>
            </button>
        }
    });
    view! {
        <p class="menu-title">"Conditions side by side all hold for one span. Also: or, not, parentheses."</p>
        {rows.into_iter().collect_view()}
        <p class="menu-title">"A click adds the condition. A trace id in W3C or X-Ray form opens the trace."</p>
    }
    .into_any()
}

fn comparisons() -> AnyView {
    let traces = expect_context::<TracesContext>();
    let rows = move || {
        let (query, before) =
            traces.page.state.with(|state| (state.traces.query.clone(), clock::range_before(state)));
        let starts = traces.answer.with(|answer| {
            starts(&query, answer.as_ref().map(|answer| answer.traces.as_slice()).unwrap_or_default(), before)
        });
        let row = |(index, start): (usize, Start)| {
            let link = traces.page.state.with(|state| state.compare_link(start.searches));
            view! {
                <a class="menu-item help-row" href=link data-closes data-testid=format!("compare-{index}")>
                    <span>{start.label}</span>
                    <span class="hint">{start.about}</span>
                </a>
            }
        };
        starts.into_iter().enumerate().map(row).collect_view()
    };
    view! {
        <p class="menu-title">"Which attributes tell them apart?"</p>
        {rows}
    }
    .into_any()
}
