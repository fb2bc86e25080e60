//! The search over everything, opened with `/` or Ctrl-K.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;

use crate::components::icon::{
    CALL, COMPARE, Icon, MAP, PROXIES, SEARCH, SERVICES, SOURCES, TRACES, of_kind,
};
use crate::live::Live;
use crate::model::search::{Found, Target, search};
use crate::page::Page;

/// Whether the search is open.
#[derive(Clone, Copy)]
pub(crate) struct PaletteOpen(pub(crate) RwSignal<bool>);

impl PaletteOpen {
    /// Listens for the keys that open the search.
    pub(crate) fn provide() -> Self {
        let open = RwSignal::new(false);
        let handle = window_event_listener(ev::keydown, move |event| {
            let slash = event.key() == "/" && !is_typing();
            let control_k = (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k");
            if slash || control_k {
                event.prevent_default();
                // A page with a search of its own takes the slash.
                match page_search().filter(|_| slash) {
                    Some(field) => _ = field.focus(),
                    None => open.set(true),
                }
            }
        });
        on_cleanup(move || handle.remove());
        let palette = Self(open);
        provide_context(palette);
        palette
    }
}

/// The search field of the page that is open, where it has one that asks for the slash.
fn page_search() -> Option<web_sys::HtmlElement> {
    use leptos::wasm_bindgen::JsCast;
    document().query_selector("input[aria-keyshortcuts='/']").ok().flatten()?.dyn_into().ok()
}

/// Whether the letters go into a field.
pub(crate) fn is_typing() -> bool {
    document()
        .active_element()
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}

/// The window of the search.
#[component]
pub(crate) fn Palette() -> impl IntoView {
    let PaletteOpen(open) = expect_context();
    view! {
        <Show when=move || open.get()>
            <PaletteWindow open />
        </Show>
    }
}

#[component]
fn PaletteWindow(open: RwSignal<bool>) -> impl IntoView {
    let live = expect_context::<Live>();
    let page = expect_context::<Page>();
    let text = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let found = Memo::new(move |_| {
        let snapshot = live.snapshot.get();
        text.with(|text| search(snapshot.as_deref(), text))
    });
    let input = NodeRef::<html::Input>::new();
    let before = document().active_element();
    Effect::new(move || {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    let close = move || {
        open.set(false);
        // The keyboard goes back to where it was.
        if let Some(element) = before.as_ref().and_then(|element| {
            use leptos::wasm_bindgen::JsCast;
            element.dyn_ref::<web_sys::HtmlElement>().cloned()
        }) {
            let _ = element.focus();
        }
    };
    let pick = move |target: Target| {
        open.set(false);
        open_target(page, target);
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let count = found.with(Vec::len).max(1);
        match event.key().as_str() {
            "Escape" => close(),
            "ArrowDown" => chosen.update(|chosen| *chosen = (*chosen + 1) % count),
            "ArrowUp" => chosen.update(|chosen| *chosen = (*chosen + count - 1) % count),
            "Enter" => {
                if let Some(one) = found.with(|found| found.get(chosen.get_untracked()).cloned()) {
                    pick(one.target);
                }
            }
            // The window keeps the keyboard: there is one field in it.
            "Tab" => {}
            _ => return,
        }
        event.stop_propagation();
        event.prevent_default();
    };
    view! {
        <div class="scrim" on:pointerdown=move |_| open.set(false)>
            <div
                class="palette"
                role="dialog"
                aria-modal="true"
                aria-label="Search"
                data-testid="search"
                on:pointerdown=move |event| event.stop_propagation()
                on:keydown=on_key
            >
                <div class="palette-input">
                    <Icon path=SEARCH />
                    <input
                        node_ref=input
                        type="text"
                        role="combobox"
                        aria-expanded="true"
                        aria-controls="search-results"
                        aria-activedescendant=move || format!("search-result-{}", chosen.get())
                        aria-label="Search services, calls, pages and trace ids"
                        placeholder="Search services, calls, pages and trace ids"
                        autocomplete="off"
                        spellcheck="false"
                        data-testid="search-input"
                        prop:value=text
                        on:input=move |event| {
                            text.set(event_target_value(&event));
                            chosen.set(0);
                        }
                    />
                    <kbd>"Esc"</kbd>
                </div>
                <Results found chosen pick=Callback::new(pick) />
                <div class="palette-foot" aria-hidden="true">
                    <span><kbd>"↑"</kbd><kbd>"↓"</kbd>"choose"</span>
                    <span><kbd>"↵"</kbd>"open"</span>
                </div>
            </div>
        </div>
    }
}

#[component]
fn Results(found: Memo<Vec<Found>>, chosen: RwSignal<usize>, pick: Callback<Target>) -> impl IntoView {
    let row = move |index: usize, found: Found| {
        let target = found.target.clone();
        view! {
            <li
                class="menu-item"
                role="option"
                id=format!("search-result-{index}")
                aria-selected=move || (chosen.get() == index).to_string()
                on:pointermove=move |_| {
                    if chosen.get_untracked() != index {
                        chosen.set(index);
                    }
                }
                on:click=move |_| pick.run(target.clone())
                data-testid="search-result"
            >
                <Icon path=target_icon(&found.target) />
                <span class="truncate">{found.label}</span>
                <span class="hint">{found.hint}</span>
            </li>
        }
    };
    Effect::new(move || {
        if let Some(element) = document().get_element_by_id(&format!("search-result-{}", chosen.get())) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
    view! {
        <ul class="palette-list" role="listbox" id="search-results">
            {move || {
                let found = found.get();
                if found.is_empty() {
                    view! { <li class="menu-title">"Nothing is called that."</li> }.into_any()
                } else {
                    found.into_iter().enumerate().map(|(index, found)| row(index, found)).collect_view().into_any()
                }
            }}
        </ul>
    }
}

fn target_icon(target: &Target) -> &'static str {
    match target {
        Target::Page("/services") => SERVICES,
        Target::Page("/traces") | Target::Trace(_) => TRACES,
        Target::Page("/traces/compare") => COMPARE,
        Target::Page("/proxies") => PROXIES,
        Target::Page("/sources") => SOURCES,
        Target::Page(_) => MAP,
        Target::Node(_, kind) => of_kind(*kind),
        Target::Edge(_) => CALL,
    }
}

/// Goes to a page or a trace, or shows a node or an edge on the map.
fn open_target(page: Page, target: Target) {
    match target {
        Target::Page(path) => page.go(&format!("{path}{}", page.state.get_untracked().carried_query())),
        Target::Trace(id) => page.go(&page.state.with_untracked(|state| state.trace_link(&id, None))),
        Target::Node(id, _) | Target::Edge(id) => {
            let mut state = page.state.get_untracked();
            state.select = Some(id);
            page.go(&format!("/{}", state.query()));
        }
    }
}
