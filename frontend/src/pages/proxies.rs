//! The proxies as a table.

use leptos::prelude::*;
use sidecarta_queries::api::proxies::ProxiesResponse;

use crate::components::copyable::Copyable;
use crate::components::find::FindField;
use crate::components::icon::{Icon, PROXIES};
use crate::components::notice::Answered;
use crate::components::proxies::ProxyTable;
use crate::model::proxies::{ProxyColumn, filtered};
use crate::model::sorting::Order;
use crate::page::Page;
use crate::remote::polled;
use crate::state::PageState;

/// The page `/proxies`.
#[component]
pub(crate) fn ProxiesPage() -> impl IntoView {
    let polled = polled::<ProxiesResponse>(|| "/proxies".to_owned());
    let draw = |answer: Signal<ProxiesResponse>| view! { <ProxyList answer /> }.into_any();
    view! {
        <div class="page" data-testid="proxies">
            <div class="page-head">
                <h1>"Proxies"</h1>
                <div class="end">
                    <FindField words="Find a proxy" />
                </div>
            </div>
            <Answered polled draw />
        </div>
    }
    .into_any()
}

#[component]
fn ProxyList(answer: Signal<ProxiesResponse>) -> impl IntoView {
    let page = expect_context::<Page>();
    let first = Order { column: ProxyColumn::Service, descending: false };
    let order = Memo::new(move |_| page.state.with(|state| Order::parse(&state.sort).unwrap_or(first)));
    let proxies = Memo::new(move |_| {
        let find = page.state.with(|state| state.find.clone());
        let mut rows = answer.with(|answer| filtered(&answer.proxies, &find));
        order.get().sort(&mut rows);
        rows
    });
    let none = Memo::new(move |_| answer.with(|answer| answer.proxies.is_empty()));
    view! {
        <Show
            when=move || proxies.with(|proxies| !proxies.is_empty())
            fallback=move || {
                view! {
                    <div class="card notice-card">
                        {move || {
                            if none.get() { view! { <NoProxies /> }.into_any() } else { view! { <NothingFound /> }.into_any() }
                        }}
                    </div>
                }
            }
        >
            <div class="card">
                <ProxyTable proxies order />
            </div>
        </Show>
    }
}

#[component]
fn NothingFound() -> impl IntoView {
    view! {
        <div class="notice" data-testid="nothing-matches">
            <span class="notice-mark"><Icon path=PROXIES /></span>
            <h2>"Nothing matches"</h2>
            <p>"Every proxy is left out by the text above."</p>
        </div>
    }
}

/// No proxy has ever answered: what to do.
#[component]
fn NoProxies() -> impl IntoView {
    let page = expect_context::<Page>();
    view! {
        <div class="notice" data-testid="empty">
            <span class="notice-mark"><Icon path=PROXIES /></span>
            <h2>"No Envoy has been read yet"</h2>
            <p>"Sidecarta asks each proxy's admin port for what it counts. Say where they are; each shows here with its first answer."</p>
            <div class="steps">
                <h3>"Name a proxy when you start Sidecarta"</h3>
                <Copyable text="sidecarta serve --envoy http://127.0.0.1:9901" />
                <p class="muted">"Repeat the flag for every proxy. Sidecarta only ever reads from the admin port."</p>
                <h3>"Or in the section [envoy] of the configuration file"</h3>
                <Copyable text="targets = [\"http://10.0.0.5:9901\", \"http://10.0.0.6:9901\"]" />
            </div>
            <div class="notice-actions">
                <a class="btn" href=move || format!("/sources{}", page.state.with(PageState::carried_query))>
                    "See what the sources say"
                </a>
            </div>
        </div>
    }
}
