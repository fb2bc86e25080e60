//! A button that opens a small window under it.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;

/// A button and its window. A click beside it and `Esc` close the window, and so does a click on what has the attribute
/// `data-closes`.
#[component]
pub(crate) fn Popover(
    /// Draws what stands in the button.
    label: fn() -> AnyView,
    /// The button's classes.
    #[prop(default = "btn")]
    button: &'static str,
    /// What tests call the button; the window has the same with `-window` behind it.
    test_id: &'static str,
    /// What the window is for, to screen readers and in the button's tooltip.
    about: &'static str,
    /// What the window is: `dialog` or `menu`.
    #[prop(default = "dialog")]
    role: &'static str,
    /// A class of the window's own.
    class: &'static str,
    /// Draws what stands in the window, and may close it.
    draw: fn(RwSignal<bool>) -> AnyView,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let root = NodeRef::<leptos::html::Div>::new();
    let opener = NodeRef::<leptos::html::Button>::new();
    let close_beside = move |event: &web_sys::Event| {
        let target: Option<web_sys::Node> = event.target().and_then(|target| target.dyn_into().ok());
        if !root.get_untracked().is_some_and(|root| root.contains(target.as_ref())) {
            open.set(false);
        }
    };
    let pointer = window_event_listener(ev::pointerdown, move |event| close_beside(&event));
    let focus = window_event_listener(ev::focusin, move |event| close_beside(&event));
    on_cleanup(move || {
        pointer.remove();
        focus.remove();
    });
    let close_after = move |event: ev::MouseEvent| {
        let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
        if target.is_some_and(|target| target.closest("[data-closes]").is_ok_and(|found| found.is_some())) {
            open.set(false);
        }
    };
    let escape = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.prevent_default();
            event.stop_propagation();
            open.set(false);
            if let Some(opener) = opener.get_untracked() {
                let _ = opener.focus();
            }
        }
    };
    view! {
        <div class="anchor" node_ref=root on:keydown=escape>
            <button
                node_ref=opener
                class=button
                title=about
                aria-haspopup=role
                aria-expanded=move || open.get().to_string()
                data-testid=test_id
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {label()}
                <span class="sr-only">{about}</span>
            </button>
            <Show when=move || open.get()>
                <div
                    class=format!("popover {class}")
                    role=role
                    aria-label=about
                    data-testid=format!("{test_id}-window")
                    on:click=close_after
                >
                    {draw(open)}
                </div>
            </Show>
        </div>
    }
    .into_any()
}
