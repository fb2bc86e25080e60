//! A button that opens a small window under it.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;

use crate::components::icon::Icon;

/// A button and its window. A click beside it and `Esc` close the window, and so does a click on what has the attribute
/// `data-closes`.
#[component]
pub(crate) fn Popover(
    /// What the button says.
    label: &'static str,
    /// The button's icon.
    icon: &'static str,
    /// What tests call the button; the window has the same with `-window` behind it.
    test_id: &'static str,
    /// What the window is for, to screen readers.
    about: &'static str,
    /// Draws what stands in the window.
    draw: fn() -> AnyView,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let root = NodeRef::<leptos::html::Div>::new();
    let handle = window_event_listener(ev::pointerdown, move |event| {
        let target: Option<web_sys::Node> = event.target().and_then(|target| target.dyn_into().ok());
        if !root.get_untracked().is_some_and(|root| root.contains(target.as_ref())) {
            open.set(false);
        }
    });
    on_cleanup(move || handle.remove());
    let close_after = move |event: ev::MouseEvent| {
        let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
        if target.is_some_and(|target| target.closest("[data-closes]").is_ok_and(|found| found.is_some())) {
            open.set(false);
        }
    };
    view! {
        <div
            class="anchor"
            node_ref=root
            on:keydown=move |event| {
                if event.key() == "Escape" && open.get_untracked() {
                    event.stop_propagation();
                    open.set(false);
                }
            }
        >
            <button
                class="btn"
                aria-haspopup="dialog"
                aria-expanded=move || open.get().to_string()
                data-testid=test_id
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <Icon path=icon />
                <span class="wide-only">{label}</span>
                <span class="sr-only">{about}</span>
            </button>
            <Show when=move || open.get()>
                <div
                    class="popover popover-end"
                    role="dialog"
                    aria-label=about
                    data-testid=format!("{test_id}-window")
                    on:click=close_after
                >
                    {draw()}
                </div>
            </Show>
        </div>
    }
    .into_any()
}
