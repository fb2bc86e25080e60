//! The traces before those that are shown: the same search, up to where this one ended.

use leptos::prelude::*;

use super::context::TracesContext;
use crate::components::icon::{CHEVRON_DOWN, Icon};
use crate::model::traces::older_than;
use crate::state::TraceOrder;

/// A button that goes on where the newest ended; nothing where all are shown.
#[component]
pub(super) fn Older() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let older = Memo::new(move |_| {
        let is_newest = traces.page.state.with(|state| state.traces.order == TraceOrder::Newest);
        traces.answer.with(|answer| answer.as_ref().and_then(older_than)).filter(|_| is_newest)
    });
    let go_on = move |_| {
        if let Some(to) = older.get_untracked() {
            traces.page.change(|state| state.to = to);
        }
    };
    view! {
        <Show when=move || older.with(Option::is_some)>
            <button class="btn btn-small" data-testid="older" on:click=go_on>
                <Icon path=CHEVRON_DOWN />
                "Older traces"
            </button>
        </Show>
    }
    .into_any()
}
