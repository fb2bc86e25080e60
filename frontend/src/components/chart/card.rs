//! The card around a chart: title, legend, and the same data as a table.

use leptos::prelude::*;

use crate::components::icon::{Icon, TABLE};
use crate::page::Page;
use crate::state::service::toggled;

/// Whether there is something to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// No answer has come yet.
    Loading,
    /// There is nothing, for a reason in words.
    Empty(&'static str),
    /// There is.
    Ready,
}

/// A card with a chart that can be turned into a table. Whether it is one stands in the URL.
#[component]
pub(crate) fn ChartCard(
    /// Its name in the URL and for tests.
    name: &'static str,
    /// What it shows.
    title: &'static str,
    /// More about it, in a few words.
    #[prop(into)]
    note: Signal<String>,
    /// Whether there is something to draw.
    #[prop(into)]
    fill: Signal<Fill>,
    /// The drawing with all that belongs to it.
    #[prop(into)]
    chart: ViewFn,
    /// The same as a table.
    #[prop(into)]
    table: ViewFn,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let fill = Memo::new(move |_| fill.get());
    let as_table = Memo::new(move |_| page.state.with(|state| state.service.is_table(name)));
    let toggle = move |_| page.change(|state| state.service.tables = toggled(&state.service.tables, name));
    let content = move || {
        match fill.get() {
        Fill::Loading => {
            view! { <div class="skeleton chart-wait" aria-busy="true" aria-label="Loading"></div> }.into_any()
        }
        Fill::Empty(words) => view! { <p class="chart-empty muted small">{words}</p> }.into_any(),
        Fill::Ready if as_table.get() => {
            view! { <div class="table-scroll chart-table" tabindex="0" role="region" aria-label=title>{table.run()}</div> }
                .into_any()
        }
        Fill::Ready => chart.run(),
    }
    };
    view! {
        <section class="card chart" aria-label=title data-testid=format!("chart-{name}")>
            <header class="chart-head">
                <h2>{title}</h2>
                <span class="muted small truncate">{note}</span>
                <button
                    class="btn btn-small btn-quiet"
                    aria-pressed=move || as_table.get().to_string()
                    aria-label=format!("{title} as a table")
                    title="The same as a table"
                    data-testid="chart-table"
                    on:click=toggle
                >
                    <Icon path=TABLE />
                </button>
            </header>
            {content}
        </section>
    }
    .into_any()
}

/// A table of text: heads, and rows of as many cells. The first cell of a row is its head.
pub(crate) fn plain_table(heads: Vec<String>, rows: Vec<Vec<String>>) -> AnyView {
    let head = |(index, head): (usize, String)| view! { <th scope="col" class:end=index != 0>{head}</th> };
    let row = |row: Vec<String>| {
        let mut cells = row.into_iter();
        view! {
            <tr>
                <th scope="row" class="num">{cells.next()}</th>
                {cells.map(|cell| view! { <td class="end num">{cell}</td> }).collect_view()}
            </tr>
        }
    };
    view! {
        <table class="table table-compact">
            <thead>
                <tr>{heads.into_iter().enumerate().map(head).collect_view()}</tr>
            </thead>
            <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}
