//! What the callers' proxies count of an edge.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Edge, Health};
use sidecarta_queries::api::proxies::{EdgeStatistics, EdgeStatisticsResponse, HostState};

use super::super::context::MapContext;
use super::Section;
use crate::components::icon::{Icon, of_health};
use crate::components::statistics::StatisticList;
use crate::format;
use crate::remote::polled;

/// As many proxies are named; the others are counted.
const NAMED: usize = 6;

/// The statistics of the edge; nothing where no proxy counts it.
#[component]
pub(super) fn Counted(edge: Memo<Arc<Edge>>) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let ends = Memo::new(move |_| edge.with(|edge| (edge.source.clone(), edge.target.clone())));
    let polled = polled::<EdgeStatisticsResponse>(move || {
        let (source, target) = ends.get();
        let parameters = map.page.state.with(|state| state.edge_parameters(&source, &target));
        format!("/edges/statistics?{parameters}")
    });
    let counted = Memo::new(move |_| {
        let answer = polled.remote.with(|remote| remote.value.clone());
        answer.map(|answer| answer.edge_statistics).unwrap_or_default()
    });
    let failure = Memo::new(move |_| {
        let failed = |remote: &crate::remote::Remote<EdgeStatisticsResponse>| {
            remote.failure.as_ref().map(|failure| failure.message.clone())
        };
        polled.remote.with(failed)
    });
    let any = Memo::new(move |_| counted.with(|counted| !counted.statistics.is_empty()));
    view! {
        <Show when=move || any.get() || failure.with(Option::is_some)>
            <Section title="What the proxies count">
                {move || failure.get().map(|words| view! { <p class="is-failing small">{words}</p> })}
                <Show when=move || any.get()>
                    <div data-testid="edge-statistics">
                        <State counted />
                        <Reporters counted />
                        <StatisticList statistics=Signal::derive(move || counted.with(|counted| counted.statistics.clone())) />
                    </div>
                </Show>
            </Section>
        </Show>
    }
}

/// How the proxies stand to the hosts now, each with a sign and words.
#[component]
fn State(counted: Memo<EdgeStatistics>) -> impl IntoView {
    let badge = |(is_fine, words): (bool, String)| {
        let class = if is_fine { "badge is-healthy" } else { "badge is-degraded" };
        let icon = of_health(if is_fine { Health::Healthy } else { Health::Degraded });
        view! {
            <span class=class>
                <Icon path=icon />
                {words}
            </span>
        }
    };
    move || {
        let badges = counted.with(states);
        (!badges.is_empty()).then(|| {
            view! { <div class="panel-badges" data-testid="edge-state">{badges.into_iter().map(badge).collect_view()}</div> }
        })
    }
}

/// What is fine and what is not.
fn states(counted: &EdgeStatistics) -> Vec<(bool, String)> {
    let mut states = Vec::new();
    if let Some(HostState { all, healthy, ejected, open_breakers }) = counted.hosts {
        states.push((
            healthy == all,
            format!("{} of {} healthy", format::count(healthy), format::plural(all, "host", "hosts")),
        ));
        states.push(match ejected {
            0 => (true, "No host ejected".to_owned()),
            _ => (false, format!("{} ejected", format::plural(ejected, "host", "hosts"))),
        });
        states.push(match open_breakers {
            0 => (true, "Breakers closed".to_owned()),
            _ => (false, format!("{} open", format::plural(open_breakers, "breaker", "breakers"))),
        });
    }
    if let Some(share) = counted.encrypted_share {
        states.push((share >= 1.0, format!("{} of new connections encrypted", format::percent(share))));
    }
    states
}

/// The proxies whose numbers are added up.
#[component]
fn Reporters(counted: Memo<EdgeStatistics>) -> impl IntoView {
    let map = expect_context::<MapContext>();
    let proxies = Memo::new(move |_| counted.with(proxies));
    let links = move || {
        let link = |id: &String| {
            let to = map.page.state.with(|state| state.proxy_link(id));
            view! {
                <a class="badge truncate" href=to title=id.clone() data-testid="edge-proxy">{id.clone()}</a>
            }
        };
        proxies.with(|proxies| proxies.iter().take(NAMED).map(link).collect_view())
    };
    let words = move || {
        let clusters = counted.with(|counted| counted.clusters.len() as u64);
        let of = format::plural(clusters, "cluster", "clusters");
        if clusters > 1 { format!("Added up over {of} of") } else { format!("{of} of") }
    };
    let others = move || proxies.with(|proxies| proxies.len().saturating_sub(NAMED) as u64);
    view! {
        <p class="reporters muted small">
            {words} {links}
            <Show when=move || { others() > 0 }>
                <span>{move || format!("and {}", format::plural(others(), "other proxy", "other proxies"))}</span>
            </Show>
        </p>
    }
}

/// The ids of the proxies, each once.
fn proxies(counted: &EdgeStatistics) -> Vec<String> {
    let mut ids: Vec<String> = counted.clusters.iter().map(|cluster| cluster.proxy.clone()).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::proxies::ProxyCluster;

    use super::*;

    #[test]
    fn what_is_fine_is_said_too() {
        let hosts = HostState { all: 3, healthy: 2, ejected: 1, open_breakers: 0 };
        let counted =
            EdgeStatistics { hosts: Some(hosts), encrypted_share: Some(1.0), ..EdgeStatistics::default() };
        let words =
            states(&counted).into_iter().map(|(is_fine, words)| (is_fine, words.replace('\u{202f}', " ")));
        let words: Vec<(bool, String)> = words.collect();
        assert_eq!(words[1], (false, "1 host ejected".to_owned()));
        assert_eq!(words[2], (true, "Breakers closed".to_owned()));
        assert_eq!((words[0].0, words[3].0), (false, true));
    }

    #[test]
    fn a_proxy_with_two_clusters_is_named_once() {
        let of = |proxy: &str, cluster: &str| ProxyCluster {
            proxy: proxy.to_owned(),
            cluster: cluster.to_owned(),
        };
        let clusters = vec![of("web-2", "orders-v1"), of("web-1", "orders-v1"), of("web-2", "orders-v2")];
        assert_eq!(states(&EdgeStatistics::default()), []);
        assert_eq!(proxies(&EdgeStatistics { clusters, ..EdgeStatistics::default() }), ["web-1", "web-2"]);
    }
}
