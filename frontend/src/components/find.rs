//! The field that narrows a page down to what holds a text.

use leptos::prelude::*;

use crate::components::icon::{Icon, SEARCH};
use crate::page::Page;

/// A field whose text stands in the URL.
#[component]
pub(crate) fn FindField(
    /// What is looked for.
    words: &'static str,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let find = Memo::new(move |_| page.state.with(|state| state.find.clone()));
    view! {
        <label class="field find">
            <Icon path=SEARCH />
            <span class="sr-only">{words}</span>
            <input
                type="search"
                placeholder=words
                data-testid="find"
                autocomplete="off"
                spellcheck="false"
                prop:value=find
                on:input=move |event| {
                    let text = event_target_value(&event);
                    page.replace(|state| state.find = text);
                }
            />
        </label>
    }
}
