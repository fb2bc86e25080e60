//! The map without boxes: why, and what to do.

use leptos::prelude::*;

use super::context::MapContext;
use crate::components::copyable::Copyable;
use crate::components::icon::{FILTER, Icon, MAP};
use crate::page::Page;
use crate::state::{DEFAULT_TO, PageState};

/// Nothing has been stored in the time range.
#[component]
pub(super) fn EmptyMap() -> impl IntoView {
    let page = expect_context::<Page>();
    view! {
        <div class="notice" data-testid="empty">
            <span class="notice-mark">
                <Icon path=MAP />
            </span>
            <h2>"No traffic in this time range yet"</h2>
            <p>
                "The map draws itself from OpenTelemetry traces and from Envoy's own counters. Send one or both; a call
                shows within seconds."
            </p>
            <div class="steps">
                <h3>"Point an OpenTelemetry SDK or collector here"</h3>
                <Copyable text="export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318" />
                <p class="muted">"gRPC goes to http://localhost:4317"</p>
                <h3>"Let Sidecarta read an Envoy's counters"</h3>
                <Copyable text="sidecarta serve --envoy http://127.0.0.1:9901" />
                <p class="muted">"Repeat the flag for every proxy. Sidecarta only ever reads from the admin port."</p>
            </div>
            <div class="notice-actions">
                <button class="btn" on:click=move |_| page.change(|state| (state.from, state.to) = ("-24h".to_owned(), DEFAULT_TO.to_owned()))>
                    "Look at the last 24 hours"
                </button>
                <a class="btn" href=move || format!("/sources{}", page.state.with(PageState::carried_query))>
                    "See what the sources say"
                </a>
            </div>
        </div>
    }
}

/// The viewer's own choices leave nothing to draw.
#[component]
pub(super) fn NothingMatches() -> impl IntoView {
    let map = expect_context::<MapContext>();
    let healthy = move || map.page.state.with(|state| state.unhealthy && state.focus.is_none());
    let reset = move |_| {
        map.page.change(|state| {
            *state = PageState {
                from: state.from.clone(),
                to: state.to.clone(),
                tz: state.tz,
                group: state.group,
                ..PageState::default()
            };
        });
    };
    view! {
        <div class="notice" data-testid="nothing-matches">
            <span class="notice-mark">
                <Icon path=FILTER />
            </span>
            <h2>{move || if healthy() { "Nothing is unhealthy" } else { "Nothing matches" }}</h2>
            <p>
                {move || {
                    if healthy() {
                        "Every service with traffic in this range fails fewer than one request in a hundred."
                    } else {
                        "Filters or the focus leave out everything that had traffic in this range."
                    }
                }}
            </p>
            <button class="btn btn-primary" on:click=reset>
                "Show everything"
            </button>
        </div>
    }
}

/// Boxes that are still to come.
#[component]
pub(super) fn MapSkeleton() -> impl IntoView {
    let boxes = [(6, 46), (28, 30), (28, 62), (52, 18), (52, 46), (52, 74), (76, 32), (76, 60)];
    view! {
        <div class="map-skeleton" aria-busy="true" aria-label="Loading the map">
            {boxes
                .map(|(left, top)| {
                    view! { <div class="skeleton" style:left=format!("{left}%") style:top=format!("{top}%")></div> }
                })
                .into_iter()
                .collect_view()}
        </div>
    }
}
