//! What may stand at the cursor, as a list under the field.

use leptos::prelude::*;
use sidecarta_queries::api::traces::CompletionItem;

use super::Draft;

/// The list. The keyboard stays in the field, so the list takes no focus.
#[component]
pub(super) fn Offers(draft: Draft, offering: Memo<bool>) -> impl IntoView {
    let row = move |index: usize, item: CompletionItem| {
        view! {
            <li
                class="menu-item"
                role="option"
                id=format!("{}-offer-{index}", draft.id)
                aria-selected=move || (draft.chosen.get() == Some(index)).to_string()
                data-testid="offer"
                on:pointerdown=move |event| event.prevent_default()
                on:click=move |_| draft.accept(index)
            >
                <code class="truncate">{item.text}</code>
                <span class="hint">{item.about}</span>
            </li>
        }
    };
    Effect::new(move || {
        let chosen = draft.chosen.get().map(|index| format!("{}-offer-{index}", draft.id));
        if let Some(element) = chosen.and_then(|id| document().get_element_by_id(&id)) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
    view! {
        <ul
            class="popover query-offers"
            role="listbox"
            aria-label="What may stand here"
            id=format!("{}-offers", draft.id)
            hidden=move || !offering.get()
            on:pointerdown=move |event| event.prevent_default()
        >
            {move || {
                let items = if offering.get() { draft.told.get().1.items } else { Vec::new() };
                items.into_iter().enumerate().map(|(index, item)| row(index, item)).collect_view()
            }}
        </ul>
    }
}
