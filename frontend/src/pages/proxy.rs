//! One proxy with everything that it counts.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use sidecarta_queries::api::proxies::{ProxyDetail, ProxyResponse};

use crate::components::icon::{ARROW, Icon};
use crate::components::notice::Answered;
use crate::page::Page;
use crate::remote::polled;
use crate::state::{PageState, encode_segment};

mod head;
mod part;
mod parts;

use head::ProxyHead;
use parts::Parts;

/// The page `/proxies/:id`.
#[component]
pub(crate) fn ProxyPage() -> impl IntoView {
    let page = expect_context::<Page>();
    let parameters = use_params_map();
    let id = Memo::new(move |_| parameters.with(|parameters| parameters.get("id")).unwrap_or_default());
    let polled = polled::<ProxyResponse>(move || {
        let range = page.state.with(PageState::range_parameters);
        format!("/proxies/{}?{range}", encode_segment(&id.get()))
    });
    let draw = |answer: Signal<ProxyResponse>| view! { <Proxy answer /> }.into_any();
    view! {
        <div class="page" data-testid="proxy">
            <nav class="crumbs" aria-label="Where you are">
                <a href=move || format!("/proxies{}", page.state.with(PageState::carried_query))>"Proxies"</a>
                <Icon path=ARROW />
                <span class="truncate" aria-current="page">{id}</span>
            </nav>
            <Answered polled draw />
        </div>
    }
    .into_any()
}

#[component]
fn Proxy(answer: Signal<ProxyResponse>) -> impl IntoView {
    let detail = Memo::new(move |_| answer.with(|answer| answer.proxy.clone()));
    let part_of = move |read: fn(&ProxyDetail) -> usize| Memo::new(move |_| detail.with(read));
    let gaps = part_of(|detail| detail.gaps.len());
    view! {
        <ProxyHead summary=Signal::derive(move || detail.with(|detail| detail.summary.clone())) />
        <Show when=move || { gaps.get() > 0 }>
            <head::Gaps gaps=Signal::derive(move || detail.with(|detail| detail.gaps.clone())) />
        </Show>
        <Parts parts=Signal::derive(move || detail.with(|detail| detail.parts.clone())) />
    }
}
