//! Signs that say what something is and how it is doing, by shape, colour and word.

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Health, NodeKind, Source};

use crate::components::icon::{Icon, of_health, of_kind};

/// The word for a health.
pub(crate) fn health_word(health: Health) -> &'static str {
    match health {
        Health::Idle => "Idle",
        Health::Healthy => "Healthy",
        Health::Degraded => "Degraded",
        Health::Failing => "Failing",
    }
}

/// The class that gives a health its colour.
pub(crate) fn health_class(health: Health) -> &'static str {
    match health {
        Health::Idle => "is-idle",
        Health::Healthy => "is-healthy",
        Health::Degraded => "is-degraded",
        Health::Failing => "is-failing",
    }
}

/// The words for a source of evidence.
pub(crate) fn source_word(source: Source) -> &'static str {
    match source {
        Source::Envoy => "Envoy",
        Source::AccessLog => "Access log",
        Source::Trace => "Traces",
        Source::Xray => "X-Ray",
        Source::CloudWatch => "CloudWatch, 1 min",
    }
}

/// Health as a coloured pill with mark and word.
#[component]
pub(crate) fn HealthPill(
    /// How it is doing.
    #[prop(into)]
    health: Signal<Health>,
) -> impl IntoView {
    view! {
        <span class=move || format!("health health-pill {}", health_class(health.get())) data-testid="health">
            <Icon path=Signal::derive(move || of_health(health.get())) />
            {move || health_word(health.get())}
        </span>
    }
}

/// Health as mark and word on a row of a table.
#[component]
pub(crate) fn HealthSign(
    /// How it is doing.
    #[prop(into)]
    health: Signal<Health>,
) -> impl IntoView {
    view! {
        <span class=move || format!("health {}", health_class(health.get()))>
            <Icon path=Signal::derive(move || of_health(health.get())) />
            {move || health_word(health.get())}
        </span>
    }
}

/// Health as a mark, its word for screen readers and on hover.
#[component]
pub(crate) fn HealthMark(
    /// How it is doing.
    #[prop(into)]
    health: Signal<Health>,
) -> impl IntoView {
    view! {
        <span
            class=move || format!("health {}", health_class(health.get()))
            title=move || health_word(health.get())
        >
            <Icon path=Signal::derive(move || of_health(health.get())) />
            <span class="sr-only">{move || health_word(health.get())}</span>
        </span>
    }
}

/// The icon of a kind of node on a tile.
#[component]
pub(crate) fn KindTile(
    /// What the node is.
    #[prop(into)]
    kind: Signal<NodeKind>,
) -> impl IntoView {
    view! {
        <span class="kind-tile">
            <Icon path=Signal::derive(move || of_kind(kind.get())) />
        </span>
    }
}
