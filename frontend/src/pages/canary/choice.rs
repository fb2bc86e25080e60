//! What is compared.

use leptos::prelude::*;
use sidecarta_queries::api::services::ServiceSummary;

use crate::components::icon::{ARROW, CANARY, Icon, SWAP};
use crate::format;
use crate::model::canary::likely;
use crate::page::Page;
use crate::state::CanaryState;

/// Margins to choose from, points.
const MARGINS: [&str; 5] = ["0.1", "0.5", "1", "2", "5"];
const DEFAULT_MARGIN: &str = "0.5";

/// The fields for service, versions and margin.
#[component]
pub(super) fn Choice(page: Page, services: Memo<Vec<ServiceSummary>>) -> impl IntoView {
    let state = Memo::new(move |_| page.state.with(|state| state.canary.clone()));
    let names = move || {
        let mut names: Vec<String> = services.with(|services| {
            services
                .iter()
                .filter(|one| likely(&one.versions).is_some())
                .map(|one| one.name.clone())
                .collect()
        });
        // What the URL says stays, whether it is seen in this range or not.
        names.extend(state.with(|state| state.service.clone()).filter(|name| !names.contains(name)));
        names
    };
    let versions = move |chosen: Option<String>| {
        let service = state.with(|state| state.service.clone());
        let mut names: Vec<String> = services.with(|services| {
            let of = services.iter().find(|one| Some(&one.name) == service.as_ref());
            let names = of.into_iter().flat_map(|one| &one.versions).map(|one| one.version.clone());
            names.filter(|name| !name.is_empty()).collect()
        });
        names.extend(chosen.filter(|name| !names.contains(name)));
        names.sort();
        names
    };
    let choose_service = move |name: String| {
        let versions = services.with_untracked(|services| {
            services.iter().find(|one| one.name == name).and_then(|one| likely(&one.versions))
        });
        page.change(|state| {
            let (old, new) = versions.unzip();
            let margin = state.canary.margin.take();
            state.canary = CanaryState { service: Some(name), old, new, margin, ..CanaryState::default() };
        });
    };
    let swap = move |_| page.change(|state| std::mem::swap(&mut state.canary.old, &mut state.canary.new));
    view! {
        <div class="card canary-choice" role="group" aria-label="What is compared">
            <Pick
                label="Service"
                testid="pick-service"
                options=Signal::derive(names)
                chosen=Signal::derive(move || state.with(|state| state.service.clone()))
                choose=Callback::new(choose_service)
            />
            <Pick
                label="Baseline"
                testid="pick-old"
                options=Signal::derive(move || versions(state.with(|state| state.old.clone())))
                chosen=Signal::derive(move || state.with(|state| state.old.clone()))
                choose=Callback::new(move |name| page.change(|state| state.canary.old = Some(name)))
            />
            <button class="btn canary-swap" title="Swap" aria-label="Swap the versions" on:click=swap>
                <Icon path=SWAP />
            </button>
            <Pick
                label="Candidate"
                testid="pick-new"
                options=Signal::derive(move || versions(state.with(|state| state.new.clone())))
                chosen=Signal::derive(move || state.with(|state| state.new.clone()))
                choose=Callback::new(move |name| page.change(|state| state.canary.new = Some(name)))
            />
            <Pick
                label="More failures allowed, points"
                testid="pick-margin"
                options=Signal::derive(|| MARGINS.map(str::to_owned).to_vec())
                chosen=Signal::derive(move || {
                    Some(state.with(|state| state.margin.clone()).unwrap_or_else(|| DEFAULT_MARGIN.to_owned()))
                })
                choose=Callback::new(move |points: String| {
                    page.change(|state| {
                        state.canary.margin = Some(points).filter(|points| points != DEFAULT_MARGIN);
                    });
                })
            />
        </div>
    }
    .into_any()
}

/// A field with a list to choose from.
#[component]
fn Pick(
    label: &'static str,
    testid: &'static str,
    options: Signal<Vec<String>>,
    chosen: Signal<Option<String>>,
    choose: Callback<String>,
) -> impl IntoView {
    let options = Memo::new(move |_| options.get());
    view! {
        <label class="pick">
            <span class="muted small">{label}</span>
            <select
                class="select"
                data-testid=testid
                prop:value=move || {
                    options.track();
                    chosen.get().unwrap_or_default()
                }
                on:change=move |event| {
                    let value = event_target_value(&event);
                    if !value.is_empty() {
                        choose.run(value);
                    }
                }
            >
                {move || chosen.with(Option::is_none).then(|| view! { <option value="">"Choose…"</option> })}
                <For each=move || options.get() key=Clone::clone let(name)>
                    <Pickable name chosen />
                </For>
            </select>
        </label>
    }
    .into_any()
}

#[component]
fn Pickable(name: String, chosen: Signal<Option<String>>) -> impl IntoView {
    let value = name.clone();
    let is_chosen = {
        let name = name.clone();
        move || chosen.with(|chosen| chosen.as_ref() == Some(&name))
    };
    view! { <option value=value selected=is_chosen>{name}</option> }
}

/// The services of which several versions run, where none is chosen.
#[component]
pub(super) fn Rollouts(services: Signal<Vec<ServiceSummary>>) -> impl IntoView {
    let rolling = Memo::new(move |_| {
        services.with(|services| {
            services.iter().filter(|one| likely(&one.versions).is_some()).cloned().collect::<Vec<_>>()
        })
    });
    let rows = move || rolling.get().into_iter().map(|service| view! { <Rollout service /> }).collect_view();
    view! {
        <Show when=move || rolling.with(|rolling| !rolling.is_empty()) fallback=nothing>
            <section class="card" data-testid="rollouts">
                <h2 class="card-title">"Services with several versions"</h2>
                <div class="rollouts">{rows}</div>
            </section>
        </Show>
    }
    .into_any()
}

fn nothing() -> AnyView {
    view! {
        <div class="card notice-card">
            <div class="notice" data-testid="no-rollouts">
                <span class="notice-mark"><Icon path=CANARY /></span>
                <h2>"No service runs in two versions"</h2>
                <p>
                    "A version is known by "<code>"service.version"</code>
                    " of spans, by the clusters of a weighted route, or by a rule of identity. Choose a longer time range if the rollout is over."
                </p>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Rollout(service: ServiceSummary) -> impl IntoView {
    let page = expect_context::<Page>();
    let (old, new) = likely(&service.versions).unwrap_or_default();
    let name = service.name.clone();
    let words = format!("{new} against {old}");
    let link = move || {
        let canary = CanaryState {
            service: Some(name.clone()),
            old: Some(old.clone()),
            new: Some(new.clone()),
            ..CanaryState::default()
        };
        page.state.with(|state| state.canary_link(canary))
    };
    let requests = format::plural(service.requests, "request", "requests");
    view! {
        <a class="rollout" href=link data-testid="rollout">
            <strong>{service.name}</strong>
            <span>{words}</span>
            <span class="muted small">{requests}</span>
            <Icon path=ARROW />
        </a>
    }
}
