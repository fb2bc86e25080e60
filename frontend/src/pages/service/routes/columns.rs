//! The choice of columns.

use leptos::prelude::*;

use crate::components::icon::{CHECK, Icon, TABLE};
use crate::model::routes::{COLUMNS, ColumnSpec, chosen, name_of, with_toggled};
use crate::page::Page;

/// A menu in which each column can be switched on and off. The choice stands in the URL.
#[component]
pub(super) fn ColumnChoice() -> impl IntoView {
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
    view! {
        <details
            class="anchor column-choice"
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.stop_propagation();
                    close(&event);
                }
            }
        >
            <summary class="btn" data-testid="columns">
                <Icon path=TABLE />
                "Columns"
            </summary>
            <div class="popover" role="menu" aria-label="Columns">{COLUMNS.map(item).into_iter().collect_view()}</div>
        </details>
    }
    .into_any()
}

/// Closes the menu in which a key was pressed.
fn close(event: &leptos::ev::KeyboardEvent) {
    use leptos::wasm_bindgen::JsCast;
    let menu = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    if let Some(menu) = menu {
        let _ = menu.remove_attribute("open");
    }
}
