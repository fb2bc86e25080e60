//! A line of text to be copied.

use leptos::prelude::*;

use crate::components::icon::{CHECK, COPY, Icon};

/// A command or setting with a button that copies it.
#[component]
pub(crate) fn Copyable(
    /// What is copied.
    text: &'static str,
) -> impl IntoView {
    let (copied, set_copied) = signal(false);
    let copy = move |_| {
        // Without permission nothing is copied; the text can still be selected by hand.
        let _ = window().navigator().clipboard().write_text(text);
        set_copied.set(true);
        set_timeout(move || set_copied.set(false), std::time::Duration::from_secs(2));
    };
    view! {
        <div class="copyable">
            <code>{text}</code>
            <button class="btn btn-small btn-quiet" on:click=copy aria-label=format!("Copy {text}")>
                <Icon path=Signal::derive(move || if copied.get() { CHECK } else { COPY }) />
                <span aria-live="polite">{move || if copied.get() { "Copied" } else { "Copy" }}</span>
            </button>
        </div>
    }
}
