//! Traces that came since the search. They are counted, and shown when they are asked for: a list that moves cannot be
//! read.

use leptos::prelude::*;
use sidecarta_queries::api::traces::TracesResponse;
use std::time::Duration;

use super::context::TracesContext;
use crate::components::icon::{CHEVRON_UP, Icon};
use crate::format;
use crate::live::Live;
use crate::remote::get;

/// How often newer traces are counted.
const INTERVAL: Duration = Duration::from_secs(10);
/// The most that are counted.
const MOST: u32 = 50;

/// A button that shows the newer traces; nothing while there are none.
#[component]
pub(super) fn Newer() -> impl IntoView {
    let traces = expect_context::<TracesContext>();
    let live = expect_context::<Live>();
    let count = RwSignal::new(0_u64);
    // Another answer begins to count anew.
    Effect::new(move || {
        traces.answer.track();
        count.set(0);
    });
    let ask = move || {
        let wanted = traces.page.state.get_untracked();
        let is_idle =
            live.paused.get_untracked() || document().hidden() || count.get_untracked() > MOST.into();
        let end =
            traces.answer.with_untracked(|answer| answer.as_ref().map(|answer| answer.search.to.clone()));
        let (true, false, Some(end)) = (wanted.is_moving(), is_idle, end) else { return };
        let mut since = wanted.clone();
        since.from.clone_from(&end);
        let question = format!("/traces?{}", since.traces_parameters(MOST + 1));
        leptos::task::spawn_local(async move {
            let Ok(found) = get::<TracesResponse>(&question).await else { return };
            let is_current = traces
                .answer
                .try_with_untracked(|answer| answer.as_ref().is_some_and(|answer| answer.search.to == end));
            if is_current == Some(true) && traces.page.state.with_untracked(|state| *state == wanted) {
                count.set(unknown(traces, &found));
            }
        });
    };
    if let Ok(interval) = set_interval_with_handle(ask, INTERVAL) {
        on_cleanup(move || interval.clear());
    }
    let words = move || match count.get() {
        count if count > MOST.into() => format!("More than {MOST} newer traces"),
        count => format::plural(count, "newer trace", "newer traces"),
    };
    view! {
        <Show when=move || count.get() != 0>
            <button class="btn btn-small newer" data-testid="newer" on:click=move |_| traces.polled.retry()>
                <Icon path=CHEVRON_UP />
                {words}
            </button>
        </Show>
    }
}

/// A trace that is shown may have got another span since: it is not a newer one.
fn unknown(traces: TracesContext, found: &TracesResponse) -> u64 {
    traces.answer.with_untracked(|answer| {
        let shown: std::collections::BTreeSet<&str> =
            answer.iter().flat_map(|answer| &answer.traces).map(|trace| trace.trace_id.as_str()).collect();
        found.traces.iter().filter(|trace| !shown.contains(trace.trace_id.as_str())).count() as u64
    })
}
