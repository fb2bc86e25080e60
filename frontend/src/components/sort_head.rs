//! The head of a column that sorts its table.

use leptos::prelude::*;

use crate::components::icon::{CHEVRON_DOWN, CHEVRON_UP, Icon};
use crate::model::sorting::{Order, TableColumn};
use crate::page::Page;

/// A head that sorts the table when it is clicked. The order stands in the URL.
#[component]
pub(crate) fn SortHead<C: TableColumn>(
    /// How the table is sorted.
    #[prop(into)]
    order: Signal<Order<C>>,
    /// What this head sorts it by.
    column: C,
    /// What it says.
    title: &'static str,
    /// Whether the column holds numbers.
    number: bool,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let active = move || order.get().column == column;
    let sorted = move || match order.get() {
        order if order.column != column => "none",
        order if order.descending => "descending",
        _ => "ascending",
    };
    let icon = Signal::derive(move || if order.get().descending { CHEVRON_DOWN } else { CHEVRON_UP });
    view! {
        <th scope="col" class:end=number aria-sort=sorted>
            <button
                class="sort"
                class:is-active=active
                on:click=move |_| {
                    let next = order.get_untracked().clicked(column).written();
                    page.change(|state| state.sort = next);
                }
                data-testid=format!("sort-{}", title.to_lowercase())
            >
                {title}
                <Icon path=icon />
            </button>
        </th>
    }
}
