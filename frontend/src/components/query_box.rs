//! The field for a query: what may stand at the cursor is offered, and what cannot be understood is underlined.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use sidecarta_queries::api::traces::{Completion, CompletionResponse, QueryProblem};
use std::time::Duration;

use crate::components::icon::{CLOSE, Icon, SEARCH};
use crate::model::query_text::{cursor_in_characters, split};
use crate::page::Page;
use crate::remote::get;

mod offers;

use offers::Offers;

/// How long the keyboard must rest before the server is asked.
const REST: Duration = Duration::from_millis(120);

/// The text that is being written, and what the server says of it.
#[derive(Clone, Copy)]
pub(crate) struct Draft {
    /// What tells the field from others on the page.
    id: &'static str,
    page: Page,
    /// The text in the field.
    pub(crate) text: RwSignal<String>,
    /// What the server said last, and of which text.
    told: RwSignal<(String, Completion)>,
    /// Whether offers may be shown.
    open: RwSignal<bool>,
    /// The offer that the keyboard is at.
    chosen: RwSignal<Option<usize>>,
    /// The number of the question that was asked last.
    latest: StoredValue<u64>,
    /// The question whose first offer is to be taken once it is told: Tab was quicker than the server.
    wanted: StoredValue<Option<u64>>,
    input: NodeRef<html::Input>,
    submit: Callback<String>,
}

impl Draft {
    /// A draft that begins with what the URL says, and again when the URL changes.
    pub(crate) fn new(
        page: Page,
        id: &'static str,
        said: impl Fn() -> String + Send + Sync + 'static,
        submit: impl Fn(String) + Send + Sync + 'static,
    ) -> Self {
        let said = Memo::new(move |_| said());
        let draft = Self {
            id,
            page,
            text: RwSignal::new(said.get_untracked()),
            told: RwSignal::default(),
            open: RwSignal::new(false),
            chosen: RwSignal::new(None),
            latest: StoredValue::new(0),
            wanted: StoredValue::new(None),
            input: NodeRef::new(),
            submit: Callback::new(submit),
        };
        Effect::new(move || {
            draft.text.set(said.get());
            draft.ask();
        });
        draft
    }

    /// Takes the text as the query.
    pub(crate) fn submit(self) {
        self.close();
        self.submit.run(self.text.get_untracked().trim().to_owned());
    }

    /// Writes a text into the field, with the cursor behind its first part, and goes on there.
    pub(crate) fn write(self, text: &str, rest: &str) {
        let whole = format!("{text}{rest}");
        if let Some(input) = self.input.get_untracked() {
            let cursor = text.encode_utf16().count() as u32;
            input.set_value(&whole);
            let _ = input.focus();
            let _ = input.set_selection_range(cursor, cursor);
        }
        self.chosen.set(None);
        self.text.set(whole);
        self.ask();
    }

    /// The problem of the text as it stands. While somebody writes at its end, an unfinished condition is none.
    fn problem(self) -> Option<QueryProblem> {
        let text = self.text.get();
        let (of, Completion { problem, .. }) = self.told.get();
        let is_being_written =
            |problem: &QueryProblem| self.open.get() && problem.to >= text.trim_end().chars().count() as u32;
        problem.filter(|problem| of == text && !is_being_written(problem))
    }

    fn is_offering(self) -> bool {
        self.open.get() && self.told.with(|(_, told)| !told.items.is_empty())
    }

    fn close(self) {
        self.open.set(false);
        self.chosen.set(None);
        self.wanted.set_value(None);
    }

    /// Asks what may stand at the cursor once the keyboard rests.
    fn ask(self) {
        let number = self.latest.get_value() + 1;
        self.latest.set_value(number);
        let ask_now = move || {
            if self.latest.try_get_value() != Some(number) {
                return;
            }
            let text = self.text.get_untracked();
            let end = text.encode_utf16().count() as u32;
            let field = self.input.get_untracked();
            let cursor = field.and_then(|input| input.selection_start().ok().flatten()).unwrap_or(end);
            let parameters = self.page.state.with_untracked(|state| {
                state.complete_parameters(&text, cursor_in_characters(&text, cursor))
            });
            leptos::task::spawn_local(async move {
                // Without an answer the field is one without help; the search itself says what is wrong.
                let answer = get::<CompletionResponse>(&format!("/traces/complete?{parameters}")).await;
                if self.latest.try_get_value() == Some(number) {
                    self.chosen.set(None);
                    self.told.set((text, answer.unwrap_or_default().completion));
                    if self.wanted.get_value() == Some(number) {
                        self.accept(0);
                    }
                }
            });
        };
        set_timeout(ask_now, REST);
    }

    /// Puts an offer where it belongs.
    fn accept(self, index: usize) {
        let (of, told) = self.told.get_untracked();
        let Some(item) = told.items.get(index) else { return };
        let (before, _, behind) = split(&of, told.from, told.to);
        self.write(&format!("{before}{}", item.text), behind);
        self.open.set(true);
    }

    fn move_choice(self, forwards: bool) {
        let count = self.told.with_untracked(|(_, told)| told.items.len());
        if self.open.get_untracked() && count > 0 {
            self.chosen.update(|chosen| {
                *chosen = Some(match (*chosen, forwards) {
                    (None, true) => 0,
                    (None, false) => count - 1,
                    (Some(at), true) => (at + 1) % count,
                    (Some(at), false) => (at + count - 1) % count,
                });
            });
        } else {
            self.open.set(true);
            self.ask();
        }
    }

    fn on_key(self, event: &ev::KeyboardEvent) {
        let (shown, of_this_text) = self.told.with_untracked(|(of, told)| {
            let shown = self.open.get_untracked() && !told.items.is_empty();
            (shown, self.text.with_untracked(|text| text == of))
        });
        let offered = shown && of_this_text;
        let chosen = self.chosen.get_untracked().filter(|_| offered);
        match (event.key().as_str(), chosen) {
            ("ArrowDown", _) => self.move_choice(true),
            ("ArrowUp", _) => self.move_choice(false),
            ("Enter", Some(index)) => self.accept(index),
            ("Enter", None) => self.submit(),
            ("Tab", _) if offered && !event.shift_key() => self.accept(chosen.unwrap_or(0)),
            ("Tab", _) if shown && !event.shift_key() => self.wanted.set_value(Some(self.latest.get_value())),
            ("Escape", _) if self.open.get_untracked() => self.close(),
            (" ", _) if event.ctrl_key() => {
                self.open.set(true);
                self.ask();
            }
            _ => return,
        }
        event.stop_propagation();
        event.prevent_default();
    }
}

/// The field with its offers, and below it what is wrong with the text.
#[component]
pub(crate) fn QueryBox(
    /// The text that is being written.
    draft: Draft,
    /// What it is for.
    label: &'static str,
    /// What stands in it while it is empty.
    placeholder: &'static str,
    /// Looks at what was pasted; true where it has taken it.
    #[prop(optional)]
    pasted: Option<Callback<String, bool>>,
) -> impl IntoView {
    let Draft { id, text, open, .. } = draft;
    let problem = Memo::new(move |_| draft.problem());
    let offering = Memo::new(move |_| draft.is_offering());
    let scrolled = RwSignal::new(0);
    let on_input = move |event: ev::Event| {
        let value = event_target_value(&event);
        let kind = js_sys::Reflect::get(event.as_ref(), &JsValue::from_str("inputType"));
        let is_pasted = kind.is_ok_and(|kind| kind.as_string().as_deref() == Some("insertFromPaste"));
        text.set(value.clone());
        if is_pasted && pasted.is_some_and(|pasted| pasted.run(value)) {
            return;
        }
        open.set(true);
        draft.ask();
    };
    let on_scroll = move |event: ev::Event| {
        let field: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
        scrolled.set(field.map_or(0, |field| field.scroll_left()));
    };
    view! {
        <div class="query" on:focusout=move |_| draft.close()>
            <div class="field query-field" class:is-wrong=move || problem.with(Option::is_some)>
                <Icon path=SEARCH />
                <div class="query-text">
                    <Marks draft problem scrolled />
                    <input
                        node_ref=draft.input
                        type="text"
                        class="mono"
                        role="combobox"
                        aria-label=label
                        aria-autocomplete="list"
                        aria-haspopup="listbox"
                        aria-expanded=move || offering.get().to_string()
                        aria-controls=format!("{id}-offers")
                        aria-activedescendant=move || draft.chosen.get().map(|index| format!("{id}-offer-{index}"))
                        aria-invalid=move || problem.with(Option::is_some).to_string()
                        aria-describedby=format!("{id}-problem")
                        placeholder=placeholder
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        data-testid=id
                        prop:value=text
                        on:input=on_input
                        on:scroll=on_scroll
                        on:keydown=move |event| draft.on_key(&event)
                        on:click=move |_| {
                            open.set(true);
                            draft.ask();
                        }
                    />
                </div>
                <Show when=move || text.with(|text| !text.is_empty())>
                    <button
                        class="query-clear"
                        aria-label="Clear the query"
                        title="Clear"
                        data-testid=format!("{id}-clear")
                        on:click=move |_| {
                            draft.write("", "");
                            draft.submit();
                        }
                    >
                        <Icon path=CLOSE />
                    </button>
                </Show>
            </div>
            <Offers draft offering />
            <p class="query-problem" id=format!("{id}-problem") role="status" data-testid=format!("{id}-problem")>
                {move || problem.get().map(|problem| problem.message)}
            </p>
        </div>
    }
    .into_any()
}

/// The text once more behind the field, to be seen nowhere but where it is underlined.
#[component]
fn Marks(draft: Draft, problem: Memo<Option<QueryProblem>>, scrolled: RwSignal<i32>) -> impl IntoView {
    let marks = move || {
        let problem = problem.get()?;
        let text = draft.text.get();
        let (before, at, behind) = split(&text, problem.from, problem.to);
        // At the end of the text there is nothing to underline but the place itself.
        let at = if at.is_empty() { "\u{2003}" } else { at };
        Some(view! {
            {before.to_owned()}
            <mark data-testid=format!("{}-mark", draft.id)>{at.to_owned()}</mark>
            {behind.to_owned()}
        })
    };
    view! {
        <div class="query-marks mono" aria-hidden="true">
            <span style:transform=move || format!("translateX(-{}px)", scrolled.get())>{marks}</span>
        </div>
    }
}
