//! One part of a proxy: a row that opens to its statistics.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::proxies::ProxyPart;

use crate::components::icon::{ARROW, CHEVRON_DOWN, Icon, LOCK, of_health};
use crate::components::measures::percentile;
use crate::components::sign::health_class;
use crate::components::statistics::StatisticList;
use crate::format;
use crate::model::node_id::NodeId;
use crate::model::parts::{found_statistics, key as key_of};
use crate::model::statistics::bad_count;
use crate::page::Page;

/// A part, and below it what it counts where it is open.
#[component]
pub(super) fn PartRow(key: String, parts: Signal<Vec<ProxyPart>>, measured: Memo<bool>) -> impl IntoView {
    let page = expect_context::<Page>();
    let (id, test_id) = (StoredValue::new(key.clone()), key.clone());
    let part = Memo::new(move |_| {
        parts.with(|parts| parts.iter().find(|part| key_of(part) == key).cloned().unwrap_or_default())
    });
    let open = Memo::new(move |_| {
        id.with_value(|id| page.state.with(|state| state.select.as_deref() == Some(id.as_str())))
    });
    let toggle = move || {
        let next = (!open.get_untracked()).then(|| id.get_value());
        page.replace(|state| state.select = next);
    };
    let bad = Memo::new(move |_| part.with(|part| bad_count(&part.statistics)));
    let bad_words = move || match bad.get() {
        0 => view! { <span class="muted">"–"</span> }.into_any(),
        count => view! {
            <span class="health num is-degraded">
                <Icon path=of_health(Health::Degraded) />
                {format::count(count)}
            </span>
        }
        .into_any(),
    };
    view! {
        <tr class="part" class:is-open=open data-testid="part" data-part=test_id on:click=move |_| toggle()>
            <th scope="row">
                <button
                    class="part-toggle"
                    aria-expanded=move || open.get().to_string()
                    on:click=move |event| {
                        event.stop_propagation();
                        toggle();
                    }
                >
                    <Icon path=CHEVRON_DOWN />
                    <span class="part-names">
                        <span>{move || part.with(|part| part.name.clone())}</span>
                        <span class="muted small">{move || part.with(|part| part.of.clone())}</span>
                    </span>
                </button>
                <Target part />
            </th>
            {move || measured.get().then(|| view! { <Measures part /> })}
            <td class="end part-bad">{bad_words}</td>
        </tr>
        <Show when=move || open.get()>
            <Opened part measured />
        </Show>
    }
}

/// Where a cluster leads, and whether the way is mutual TLS.
#[component]
fn Target(part: Memo<ProxyPart>) -> impl IntoView {
    let page = expect_context::<Page>();
    let target = Memo::new(move |_| part.with(|part| part.target.clone()));
    let mtls = Memo::new(move |_| part.with(|part| part.mtls == Some(true)));
    let link = move || {
        target.get().map(|id| {
            let to = page.state.with(|state| state.node_link(&id));
            view! {
                <a class="part-target" href=to data-testid="part-target" on:click=move |event| event.stop_propagation()>
                    <Icon path=ARROW />
                    <span class="sr-only">"leads to"</span>
                    {NodeId::parse(&id).name}
                </a>
            }
        })
    };
    view! {
        {link}
        <Show when=move || mtls.get()>
            <span class="badge is-healthy part-mtls">
                <Icon path=LOCK />
                "mTLS"
            </span>
        </Show>
    }
}

#[component]
fn Measures(part: Memo<ProxyPart>) -> impl IntoView {
    let cell = move |read: fn(&ProxyPart) -> String| {
        view! { <td class="end num measure">{move || part.with(read)}</td> }
    };
    let health = move || part.with(|part| Health::of(part.requests, part.errors));
    let errors_class = move || match health() {
        Health::Idle | Health::Healthy => "end num measure".to_owned(),
        health => format!("end num measure {}", health_class(health)),
    };
    view! {
        {cell(|part| format::count(part.requests))}
        {cell(|part| format::rate(part.request_rate))}
        <td class=errors_class>{move || part.with(|part| format::count(part.errors))}</td>
        {cell(|part| percentile(part.latency.as_ref(), |latency| latency.p50))}
        {cell(|part| percentile(part.latency.as_ref(), |latency| latency.p99))}
    }
}

/// What the part counts, as far as the search finds it.
#[component]
fn Opened(part: Memo<ProxyPart>, measured: Memo<bool>) -> impl IntoView {
    let page = expect_context::<Page>();
    let find = Memo::new(move |_| page.state.with(|state| state.find.clone()));
    let statistics = Memo::new(move |_| part.with(|part| find.with(|find| found_statistics(part, find))));
    let hidden = Memo::new(move |_| {
        part.with(|part| part.statistics.len()).saturating_sub(statistics.with(Vec::len)) as u64
    });
    // A narrow screen has no room for the columns.
    let measures = move || measured.get().then(|| part.with(measure_words));
    view! {
        <tr class="part-body" data-testid="part-body">
            <td colspan=move || if measured.get() { 7 } else { 2 }>
                <p class="part-measures num">{measures}</p>
                <Show
                    when=move || statistics.with(|statistics| !statistics.is_empty())
                    fallback=|| view! { <p class="muted">"It has counted nothing in this time range."</p> }
                >
                    <StatisticList statistics />
                </Show>
                <Show when=move || { hidden.get() > 0 }>
                    <p class="muted small">
                        {move || format::plural(hidden.get(), "other statistic does", "other statistics do")}
                        " not match the search."
                    </p>
                </Show>
            </td>
        </tr>
    }
}

fn measure_words(part: &ProxyPart) -> String {
    let latency = part.latency.as_ref();
    format!(
        "{} · {} failed · p50 {} · p99 {}",
        format::plural(part.requests, "request", "requests"),
        format::count(part.errors),
        percentile(latency, |latency| latency.p50),
        percentile(latency, |latency| latency.p99),
    )
}
