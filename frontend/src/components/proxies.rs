//! Proxies as rows of a table: on their own page, and on that of their service.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::proxies::ProxySummary;

use crate::clock;
use crate::components::icon::{Icon, of_health};
use crate::components::sign::health_class;
use crate::components::sort_head::SortHead;
use crate::format;
use crate::live::Live;
use crate::model::proxies::{ProxyColumn, certificate, troubles};
use crate::model::sorting::Order;
use crate::page::Page;
use crate::preferences::Preferences;

/// Heads of the table: what it is sorted by, and its title.
const HEADS: [(ProxyColumn, &str); 8] = [
    (ProxyColumn::Id, "Proxy"),
    (ProxyColumn::Service, "Service"),
    (ProxyColumn::State, "State"),
    (ProxyColumn::LastScrape, "Last scrape"),
    (ProxyColumn::Uptime, "Up for"),
    (ProxyColumn::Certificate, "Certificate expires"),
    (ProxyColumn::Version, "Envoy"),
    (ProxyColumn::Zone, "Zone"),
];

/// A row for every proxy. With an order it is sorted by its heads and names the services; without one it stands on the
/// page of the one service, as it comes.
#[component]
pub(crate) fn ProxyTable(
    /// The proxies, sorted.
    #[prop(into)]
    proxies: Signal<Vec<ProxySummary>>,
    /// How they are sorted.
    #[prop(optional)]
    order: Option<Memo<Order<ProxyColumn>>>,
) -> impl IntoView {
    let ids = Memo::new(move |_| {
        proxies.with(|proxies| proxies.iter().map(|proxy| proxy.id.clone()).collect::<Vec<_>>())
    });
    let with_service = order.is_some();
    let head = move |(column, title)| match order {
        Some(order) => view! { <SortHead order column title number=false /> }.into_any(),
        None => view! { <th scope="col">{title}</th> }.into_any(),
    };
    let heads = HEADS
        .into_iter()
        .filter(|(column, _)| with_service || *column != ProxyColumn::Service)
        .map(head)
        .collect_view();
    view! {
        <div class="table-scroll">
            <table class="table table-rows" class:table-compact=!with_service data-testid="proxies-table">
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>
                    <For each=move || ids.get() key=Clone::clone let(id)>
                        <ProxyRow id proxies with_service />
                    </For>
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn ProxyRow(id: String, proxies: Signal<Vec<ProxySummary>>, with_service: bool) -> impl IntoView {
    let page = expect_context::<Page>();
    let (row_id, title, words, to) = (id.clone(), id.clone(), id.clone(), id.clone());
    let row = Memo::new(move |_| {
        proxies.with(|rows| rows.iter().find(|row| row.id == id).cloned().unwrap_or_default())
    });
    let link = Memo::new(move |_| page.state.with(|state| state.proxy_link(&to)));
    let service = move || {
        let name = row.with(|row| row.service.clone());
        let (to, title) = (page.state.with(|state| state.service_link(&name)), name.clone());
        view! {
            <td>
                <a class="service-name truncate" href=to title=title on:click=move |event| event.stop_propagation()>
                    {name}
                </a>
            </td>
        }
    };
    let cell = move |read: fn(&ProxySummary) -> String| {
        let text = Memo::new(move |_| row.with(read));
        view! { <td class="num" class:muted=move || text.with(|text| text == "–")>{text}</td> }
    };
    view! {
        <tr data-proxy-id=row_id data-testid="proxy-row" on:click=move |_| page.go(&link.get_untracked())>
            <th scope="row">
                <a class="proxy-id truncate" href=link title=title on:click=move |event| event.stop_propagation()>
                    {words}
                </a>
            </th>
            {with_service.then(|| view! { {service} })}
            <td>
                <StateSign row />
            </td>
            <td>
                <LastScrape row />
            </td>
            <td class="num">
                <Uptime row />
            </td>
            <td>
                <Certificate row />
            </td>
            {cell(|row| known(&row.envoy_version))}
            {cell(|row| known(&row.zone))}
        </tr>
    }
}

/// The text, or a dash where it is empty.
pub(crate) fn known(text: &str) -> String {
    if text.is_empty() { "–".to_owned() } else { text.to_owned() }
}

/// What the proxy says of its clusters, in words.
#[component]
pub(crate) fn StateSign(
    /// The proxy.
    #[prop(into)]
    row: Signal<ProxySummary>,
) -> impl IntoView {
    let words = Memo::new(move |_| row.with(troubles));
    let reporting = Memo::new(move |_| row.with(|row| row.is_reporting));
    let health = Memo::new(move |_| match (words.with(Vec::is_empty), reporting.get()) {
        (false, _) => Health::Degraded,
        (true, true) => Health::Healthy,
        // It was well when it was last scraped, which says nothing of now.
        (true, false) => Health::Idle,
    });
    let said = move || match health.get() {
        Health::Healthy => "Fine".to_owned(),
        Health::Idle => "Not known".to_owned(),
        _ => words.with(|words| words.join(", ")),
    };
    view! {
        <span class=move || format!("health health-words {}", health_class(health.get())) data-testid="proxy-state">
            <Icon path=Signal::derive(move || of_health(health.get())) />
            {said}
        </span>
    }
}

/// When the proxy was last scraped, with a sign where it does not report.
#[component]
pub(crate) fn LastScrape(
    /// The proxy.
    #[prop(into)]
    row: Signal<ProxySummary>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let zone = expect_context::<Preferences>().zone;
    let reporting = Memo::new(move |_| row.with(|row| row.is_reporting));
    let last = Memo::new(move |_| row.with(|row| clock::parse(&row.last_scrape)));
    let words = move || match last.get() {
        Some(last) => format::ago(live.now_ms() - last),
        None => "never".to_owned(),
    };
    let exact = move || last.get().map(|last| clock::written(last, zone.get()));
    view! {
        <span class="sign-pair">
            <Show when=move || !reporting.get()>
                <span class="health is-failing">
                    <Icon path=of_health(Health::Failing) />
                    "Not reporting"
                </span>
            </Show>
            <span class="num" class:muted=move || !reporting.get() title=exact>{words}</span>
        </span>
    }
}

/// How long the process has been up, and whether it took over from others.
#[component]
pub(crate) fn Uptime(
    /// The proxy.
    #[prop(into)]
    row: Signal<ProxySummary>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let zone = expect_context::<Preferences>().zone;
    let started = Memo::new(move |_| row.with(|row| clock::parse(&row.started_at)));
    let restarts = Memo::new(move |_| row.with(|row| row.restart_epoch));
    let exact = move || started.get().map(|at| format!("since {}", clock::written(at, zone.get())));
    view! {
        <span title=exact>
            {move || started.get().map_or_else(|| "–".to_owned(), |at| format::lasting(live.now_ms() - at))}
        </span>
        <Show when=move || { restarts.get() > 0 }>
            <span class="muted">
                {move || format!(" · {}", format::plural(restarts.get(), "hot restart", "hot restarts"))}
            </span>
        </Show>
    }
}

/// When the first of the proxy's certificates expires.
#[component]
pub(crate) fn Certificate(
    /// The proxy.
    #[prop(into)]
    row: Signal<ProxySummary>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let zone = expect_context::<Preferences>().zone;
    let expires =
        Memo::new(move |_| row.with(|row| row.certificate_expires_at.as_deref().and_then(clock::parse)));
    let said = Memo::new(move |_| expires.get().map(|at| certificate(at - live.now_ms())));
    let exact = move || expires.get().map(|at| clock::written(at, zone.get()));
    move || match said.get() {
        None => view! { <span class="muted">"–"</span> }.into_any(),
        Some((Health::Healthy, words)) => view! { <span class="num" title=exact>{words}</span> }.into_any(),
        Some((health, words)) => view! {
            <span class=format!("health num {}", health_class(health)) title=exact>
                <Icon path=of_health(health) />
                {words}
            </span>
        }
        .into_any(),
    }
}
