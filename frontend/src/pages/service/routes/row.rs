//! One row of the routes table.

use leptos::prelude::*;
use sidecarta_queries::api::routes::RouteSummary;

use super::{RouteTable, row_of};
use crate::components::chart::spark::Spark;
use crate::components::sign::{HealthMark, health_class};
use crate::model::routes::{ColumnSpec, RouteColumn, RouteKey, caller_name};
use crate::model::view::is_unhealthy;

/// A route with its numbers. A click makes the charts speak of it.
#[component]
pub(super) fn RouteRow(row: RouteKey, table: RouteTable) -> impl IntoView {
    let (route, version, caller) = row.clone();
    let wanted = row.clone();
    let found = Memo::new(move |_| table.answer.with(|answer| row_of(answer, &wanted)).unwrap_or_default());
    let health = Signal::derive(move || found.with(|row| row.health));
    let selected = row.clone();
    let is_selected = Memo::new(move |_| {
        table.page.state.with(|state| {
            let chosen = &state.service;
            let same_caller = selected.2.is_none() || chosen.caller == selected.2;
            chosen.route.as_ref() == Some(&selected.0) && chosen.version == selected.1 && same_caller
        })
    });
    let select = Callback::new(move |()| {
        let (route, version, caller) = row.clone();
        table.page.change(|state| {
            state.service.route = Some(route);
            state.service.version = version;
            // A table that is not parted by caller says nothing of the caller that may be chosen.
            if caller.is_some() {
                state.service.caller = caller;
            }
        });
    });
    let caller_cell = caller.map(|caller| {
        let name = caller_name(&caller);
        view! { <td><span class="truncate" title=caller>{name}</span></td> }
    });
    let (title, name) = (route.clone(), route.clone());
    let words =
        format!("{route}{}", version.map(|version| format!(", version {version}")).unwrap_or_default());
    view! {
        <tr
            data-testid="route-row"
            data-route=name
            class:is-selected=move || is_selected.get()
            on:click=move |_| select.run(())
        >
            <th scope="row">
                <span class="cell-name">
                    <HealthMark health />
                    <button
                        class="cell-button route-name"
                        title=title
                        aria-label=format!("Show the charts of {words}")
                        aria-pressed=move || is_selected.get().to_string()
                        on:click=move |event| {
                            event.stop_propagation();
                            select.run(());
                        }
                    >
                        <code class="truncate">{route}</code>
                    </button>
                </span>
            </th>
            {caller_cell}
            {move || table.specs().into_iter().map(|spec| cell(spec, found)).collect_view()}
        </tr>
    }
    .into_any()
}

fn cell(spec: ColumnSpec, row: Memo<RouteSummary>) -> AnyView {
    if spec.column == RouteColumn::Trend {
        let trend = Signal::derive(move || row.with(|row| row.trend.clone()));
        return view! { <td><Spark trend /></td> }.into_any();
    }
    let text = Memo::new(move |_| row.with(spec.text));
    let class = move || {
        let marked = spec.column == RouteColumn::Errors && row.with(|row| is_unhealthy(row.health));
        let marked = if marked { row.with(|row| health_class(row.health)) } else { "" };
        let kind = if spec.number { "end num" } else { "num" };
        let muted = if text.with(|text| text == "–" || text == "0") { "muted" } else { "" };
        format!("{kind} {marked} {muted}")
    };
    view! { <td class=class>{text}</td> }.into_any()
}
