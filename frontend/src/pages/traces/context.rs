//! What all parts of the page look at.

use leptos::prelude::*;
use sidecarta_queries::api::traces::TracesResponse;

use crate::components::query_box::Draft;
use crate::model::query_text::with;
use crate::model::trace_id::trace_id;
use crate::page::Page;
use crate::preferences::Preferences;
use crate::remote::{Polled, asked};
use crate::state::Zone;

/// The most traces that are shown.
pub(super) const LIMIT: u32 = 200;

/// The search and its answer.
#[derive(Clone, Copy)]
pub(super) struct TracesContext {
    pub(super) page: Page,
    pub(super) zone: Memo<Zone>,
    /// The query that is being written.
    pub(super) draft: Draft,
    pub(super) polled: Polled<TracesResponse>,
    /// What was found last. It stays while the next search is on its way.
    pub(super) answer: Memo<Option<TracesResponse>>,
    /// Whether a search is on its way.
    pub(super) searching: Memo<bool>,
}

impl TracesContext {
    /// Searches for what the URL says, whenever that changes.
    pub(super) fn provide() -> Self {
        let page = expect_context::<Page>();
        let zone = expect_context::<Preferences>().zone;
        let polled = asked::<TracesResponse>(move || {
            Some(format!("/traces?{}", page.state.with(|state| state.traces_parameters(LIMIT))))
        });
        let answer = Memo::new(move |before: Option<&Option<TracesResponse>>| {
            polled.remote.with(|remote| match (&remote.value, &remote.failure) {
                (Some(value), _) => Some(value.clone()),
                (None, Some(_)) => None,
                (None, None) => before.cloned().flatten(),
            })
        });
        let searching = Memo::new(move |_| {
            polled.remote.with(|remote| remote.value.is_none() && remote.failure.is_none())
        });
        let said = move || page.state.with(|state| state.traces.query.clone());
        let submit = move |text: String| match trace_id(&text) {
            Some(id) => page.go(&page.state.with_untracked(|state| state.trace_link(&id, None))),
            None if said() == text => polled.retry(),
            None => page.change(|state| state.traces.query = text),
        };
        let draft = Draft::new(page, "query", said, submit);
        let traces = Self { page, zone, draft, polled, answer, searching };
        provide_context(traces);
        traces
    }

    /// Changes the query of the URL as a step that the back button undoes.
    pub(super) fn change_query(self, change: impl FnOnce(&str) -> String) {
        self.page.change(|state| state.traces.query = change(&state.traces.query));
    }

    /// Writes one more condition into the field, to be looked at before it is searched for.
    pub(super) fn suggest(self, condition: &str) {
        let text = self.draft.text.with_untracked(|text| with(text, condition));
        self.draft.write(&text, "");
    }

    /// Opens a trace, and in it one of its spans.
    pub(super) fn open(self, trace_id: &str, span_id: Option<&str>) {
        self.page.go(&self.page.state.with_untracked(|state| state.trace_link(trace_id, span_id)));
    }
}
