//! What is odd about the trace, in words.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::traces::TraceWarning;

use super::context::TraceContext;
use crate::components::icon::{ARROW, CHEVRON_DOWN, Icon, of_health};
use crate::format;

/// A line that says how many there are, and opens to all of them. One alone is said at once.
#[component]
pub(super) fn Warnings() -> impl IntoView {
    let trace = expect_context::<TraceContext>();
    let open = RwSignal::new(false);
    let warnings = Memo::new(move |_| trace.model().trace.warnings.clone());
    let first = move || warnings.with(|warnings| warnings.first().map(|warning| warning.message.clone()));
    let head = move || {
        let more = warnings.with(Vec::len).saturating_sub(1) as u64;
        let more = (more > 0).then(|| format!("and {}", format::plural(more, "more remark", "more remarks")));
        view! {
            <span class="health is-degraded">
                <Icon path=of_health(Health::Degraded) />
                <span class="sr-only">"Remark"</span>
            </span>
            <span class="warning-first">{first}</span>
            <span class="muted nowrap">{more}</span>
        }
    };
    let lines = move || warnings.get().into_iter().map(|warning| line(trace, warning)).collect_view();
    view! {
        <Show when=move || warnings.with(|warnings| !warnings.is_empty())>
            <section class="warnings" data-testid="warnings">
                <button
                    class="warnings-head"
                    class:is-open=open
                    aria-expanded=move || open.get().to_string()
                    data-testid="warnings-toggle"
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    {head}
                    <Icon path=CHEVRON_DOWN />
                </button>
                <Show when=move || open.get()>
                    <ul>{lines}</ul>
                </Show>
            </section>
        </Show>
    }
    .into_any()
}

/// A warning that leads to its spans, one after the other.
fn line(trace: TraceContext, warning: TraceWarning) -> AnyView {
    let spans = warning.spans;
    let count = spans.len() as u64;
    let words = if count == 1 {
        "Show the span".to_owned()
    } else {
        format!("Show {}", format::plural(count, "span", "spans"))
    };
    let next = RwSignal::new(0_usize);
    let jump = move |_| {
        let at = next.get_untracked() % spans.len().max(1);
        if let Some(span) = spans.get(at) {
            next.set(at + 1);
            trace.show(*span);
        }
    };
    let button = (count > 0).then(|| {
        view! {
            <button class="btn btn-small btn-quiet" data-testid="warning-spans" on:click=jump>
                {words}
                <Icon path=ARROW />
            </button>
        }
    });
    view! { <li data-kind=warning.kind><span>{warning.message}</span>{button}</li> }.into_any()
}
