//! The choice of columns.

use leptos::prelude::*;

use crate::components::icon::{CHECK, Icon, TABLE};
use crate::components::popover::Popover;
use crate::model::routes::{COLUMNS, ColumnSpec, chosen, name_of, with_toggled};
use crate::page::Page;

/// A menu in which each column can be switched on and off. The choice stands in the URL.
#[component]
pub(super) fn ColumnChoice() -> impl IntoView {
    view! {
        <Popover
            label=|| view! { <Icon path=TABLE />"Columns" }.into_any()
            test_id="columns"
            about="Which columns are shown"
            role="menu"
            class="column-menu"
            draw=|_| items()
        />
    }
    .into_any()
}

fn items() -> AnyView {
    let page = expect_context::<Page>();
    let item = move |spec: ColumnSpec| {
        let column = spec.column;
        let is_on = move || {
            page.state.with(|state| chosen(&state.service.cols).iter().any(|one| one.column == column))
        };
        let toggle = move |_| {
            page.change(|state| state.service.cols = with_toggled(&state.service.cols, column));
        };
        view! {
            <button
                class="menu-item column-item"
                role="menuitemcheckbox"
                aria-checked=move || is_on().to_string()
                data-testid=format!("column-{}", name_of(column))
                on:click=toggle
            >
                <Icon path=CHECK />
                <span>{spec.title}</span>
                <span class="muted small truncate">{spec.about}</span>
            </button>
        }
    };
    COLUMNS.map(item).into_iter().collect_view().into_any()
}
