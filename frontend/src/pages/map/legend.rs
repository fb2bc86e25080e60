//! What the shapes and colours mean.

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Health, NodeKind};

use crate::components::icon::{CHEVRON_DOWN, CHEVRON_UP, Icon, LOCK, of_kind};
use crate::components::sign::{HealthMark, health_class, health_word};
use crate::model::search::kind_word;

const HEALTHS: [(Health, &str); 4] = [
    (Health::Healthy, "under 1 % errors"),
    (Health::Degraded, "1 % errors or more"),
    (Health::Failing, "5 % errors or more"),
    (Health::Idle, "no requests"),
];

const KINDS: [NodeKind; 6] = [
    NodeKind::Service,
    NodeKind::Gateway,
    NodeKind::Database,
    NodeKind::Queue,
    NodeKind::External,
    NodeKind::Client,
];

/// The legend, closed until it is asked for.
#[component]
pub(super) fn Legend() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <div class="legend" class:is-open=move || open.get()>
            <button
                class="btn"
                aria-expanded=move || open.get().to_string()
                data-testid="legend-toggle"
                on:click=move |_| open.update(|open| *open = !*open)
            >
                "Legend"
                <Icon path=Signal::derive(move || if open.get() { CHEVRON_DOWN } else { CHEVRON_UP }) />
            </button>
            <Show when=move || open.get()>
                <LegendBody />
            </Show>
        </div>
    }
}

#[component]
fn LegendBody() -> impl IntoView {
    let healths = HEALTHS.map(|(health, meaning)| {
        view! {
            <li>
                <svg class="legend-line" viewBox="0 0 34 12" aria-hidden="true">
                    <g class=format!("edge {}", health_class(health))>
                        <path class="edge-line" d="M1 6H33" stroke-width="2" />
                    </g>
                </svg>
                <HealthMark health />
                <span>{health_word(health)}</span>
                <span class="muted">{meaning}</span>
            </li>
        }
    });
    let kinds = KINDS.map(|kind| view! { <li><Icon path=of_kind(kind) />{kind_word(kind)}</li> });
    view! {
        <div class="legend-body" data-testid="legend">
            <h3>"Health"</h3>
            <ul class="legend-health">{healths.into_iter().collect_view()}</ul>
            <h3>"Boxes"</h3>
            <ul class="legend-kinds">{kinds.into_iter().collect_view()}</ul>
            <h3>"Lines"</h3>
            <ul class="legend-notes">
                <li>"Label: requests per second, errors, p99"</li>
                <li>"Thicker lines carry more requests"</li>
                <li>"Faster dots mean quicker answers"</li>
                <li>"CloudWatch counts by the minute, X-Ray a sample"</li>
                <li><Icon path=LOCK />"Both ends prove who they are (mTLS)"</li>
            </ul>
        </div>
    }
}
