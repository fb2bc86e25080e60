//! What else was looked at.

use leptos::prelude::*;
use sidecarta_queries::api::canary::{Guard, Verdict};
use sidecarta_queries::api::policy::GuardAction;

/// A row for each guard, those that found something first.
#[component]
pub(super) fn Guards(verdict: Memo<Verdict>) -> impl IntoView {
    let guards = Memo::new(move |_| {
        let mut guards = verdict.with(|verdict| verdict.guards.clone());
        guards.sort_by_key(|guard| !guard.found);
        guards
    });
    let rows = move || guards.get().into_iter().map(|guard| view! { <Row guard /> }).collect_view();
    view! {
        <section class="card" data-testid="guards">
            <h2 class="card-title">"What else might deceive"</h2>
            <ul class="guards">{rows}</ul>
        </section>
    }
    .into_any()
}

#[component]
fn Row(guard: Guard) -> impl IntoView {
    let (class, sign) = match (guard.found, guard.action) {
        (false, _) | (_, GuardAction::Off) => ("is-healthy", "fine"),
        (true, GuardAction::Fail) => ("is-failing", "fails the verdict"),
        (true, GuardAction::Hold) => ("is-degraded", "holds a pass back"),
        (true, GuardAction::Warn) => ("is-degraded", "to be known"),
    };
    view! {
        <li data-testid=format!("guard-{}", guard.name) data-found=guard.found.to_string()>
            <span class="guard-name">{title(&guard.name)}</span>
            <span class=format!("health {class}")>{sign}</span>
            <span class="guard-words">{guard.summary}</span>
        </li>
    }
}

fn title(name: &str) -> &'static str {
    match name {
        "retries" => "Retries",
        "split" => "Split",
        "mix" => "Mix of traffic",
        "stopped" => "Traffic to the end",
        "survivors" => "Hosts left out",
        "capacity" => "Load of each host",
        "calls" => "Calls made",
        "inherited" => "Failures passed on",
        _ => "Evidence",
    }
}
