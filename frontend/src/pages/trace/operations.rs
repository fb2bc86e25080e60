//! Where the time went, as tables: by service, and by operation.

use leptos::prelude::*;

use super::context::TraceContext;
use crate::components::sort_head::SortHead;
use crate::format;
use crate::model::sorting::Order;
use crate::model::trace::TraceModel;
use crate::model::trace::operations::{Total, TotalColumn, totals};
use crate::state::TraceView;

const FIRST: Order<TotalColumn> = Order { column: TotalColumn::Own, descending: true };

/// Both tables, sorted alike.
#[component]
pub(super) fn Operations() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let order = Memo::new(move |_| trace.page.state.with(|state| Order::parse(&state.sort).unwrap_or(FIRST)));
    view! {
        <div class="trace-scroll">
            <section class="card">
                <h2 class="card-title">"Services"</h2>
                {table(trace, order, false)}
            </section>
            <section class="card">
                <h2 class="card-title">"Operations"</h2>
                {table(trace, order, true)}
            </section>
        </div>
    }
    .into_any()
}

fn table(trace: TraceContext, order: Memo<Order<TotalColumn>>, by_operation: bool) -> AnyView {
    let rows = move || {
        let model = trace.model();
        let mut rows = totals(&model, by_operation);
        order.get().sort(&mut rows);
        let all: u64 = rows.iter().map(|row| row.self_ns).sum();
        rows.into_iter().map(|total| row(trace, &model, total, all)).collect_view()
    };
    view! {
        <div class="table-scroll">
            <table class="table table-compact" data-testid=if by_operation { "operations" } else { "trace-services" }>
                <thead>
                    <tr>
                        <SortHead order column=TotalColumn::Name title="Name" number=false />
                        <SortHead order column=TotalColumn::Own title="Self" number=false />
                        <SortHead order column=TotalColumn::Critical title="Critical" number=true />
                        <SortHead order column=TotalColumn::Total title="Total" number=true />
                        <SortHead order column=TotalColumn::Count title="Count" number=true />
                        <SortHead order column=TotalColumn::Errors title="Errors" number=true />
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(trace: TraceContext, model: &TraceModel, total: Total, all_self_ns: u64) -> AnyView {
    let ms = |ns: u64| if ns == 0 { "–".to_owned() } else { format::duration(ns as f64 / 1e6) };
    let share = total.self_ns as f64 / all_self_ns.max(1) as f64;
    let colour = format!("var(--service-{})", model.colour(&total.service));
    let bar = colour.clone();
    let name = total.name.clone().unwrap_or_else(|| total.service.clone());
    let find = name.clone();
    let show = move |_| {
        let text = find.clone();
        trace.page.change(|state| (state.find, state.trace_view) = (text, TraceView::Waterfall));
    };
    let service = total.name.is_some().then_some(total.service);
    let errors = if total.errors > 0 { "end num is-failing" } else { "end num muted" };
    view! {
        <tr data-testid="total-row">
            <th scope="row">
                <span class="cell-name">
                    <i class="service-chip" style:background=colour></i>
                    <button class="cell-button truncate" title="Show its spans" on:click=show>{name}</button>
                    <span class="muted">{service}</span>
                </span>
            </th>
            <td>
                <span class="share">
                    <span class="share-bar"><span style:width=format!("{:.1}%", share * 100.0) style:background=bar></span></span>
                    <span class="num">{ms(total.self_ns)}</span>
                    <span class="num muted">{format::percent(share)}</span>
                </span>
            </td>
            <td class="end num">{ms(total.critical_ns)}</td>
            <td class="end num">{ms(total.sum_ns)}</td>
            <td class="end num">{format::count(total.count)}</td>
            <td class=errors>{format::count(total.errors)}</td>
        </tr>
    }
    .into_any()
}
