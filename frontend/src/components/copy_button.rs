//! A button that copies a text.

use std::time::Duration;

use leptos::prelude::*;

use crate::components::icon::{CHECK, COPY, Icon};

/// How long the button says that it has copied.
const SAID_FOR: Duration = Duration::from_secs(2);

/// Puts a text on the clipboard. A page that was not opened safely has none: the text can still be selected by hand.
pub(crate) fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    let is_there = !clipboard.is_undefined();
    if is_there {
        // Without permission nothing is copied.
        let _ = clipboard.write_text(text);
    }
    is_there
}

/// Copies what `text` gives when it is clicked, and says so.
#[component]
pub(crate) fn CopyButton(
    /// What is on the button; nothing but the icon where it is empty.
    words: &'static str,
    /// What it does, for a reader who does not see it.
    label: String,
    /// Gives the text.
    text: Callback<(), String>,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let on_click = move |event: leptos::ev::MouseEvent| {
        event.stop_propagation();
        if copy(&text.run(())) {
            copied.set(true);
            set_timeout(move || _ = copied.try_set(false), SAID_FOR);
        }
    };
    let class = if words.is_empty() { "icon-button" } else { "btn btn-small" };
    view! {
        <button class=class title=label.clone() aria-label=label on:click=on_click>
            <Icon path=Signal::derive(move || if copied.get() { CHECK } else { COPY }) />
            {(!words.is_empty()).then(|| view! { <span aria-live="polite">{move || if copied.get() { "Copied" } else { words }}</span> })}
        </button>
    }
    .into_any()
}
