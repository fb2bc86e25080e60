//! An edge's latency as its caller and as its callee saw it.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Edge, Latency, Quantile};

use crate::components::measures::percentile;
use crate::format;

type Percentile = fn(&Latency) -> Quantile;

const PERCENTILES: [(&str, Percentile); 3] =
    [("p50", |latency| latency.p50), ("p90", |latency| latency.p90), ("p99", |latency| latency.p99)];

/// Both sides, and what lies between them: the network, proxies, and the wait for a connection.
#[component]
pub(super) fn Sides(edge: Memo<Arc<Edge>>) -> impl IntoView {
    let row = move |(name, of): (&'static str, Percentile)| {
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="end num">{move || edge.with(|edge| percentile(edge.client_side.as_ref(), of))}</td>
                <td class="end num">{move || edge.with(|edge| percentile(edge.server_side.as_ref(), of))}</td>
                <td class="end num muted">{move || edge.with(|edge| between(edge, of))}</td>
            </tr>
        }
    };
    view! {
        <div class="table-scroll">
            <table class="table table-compact" data-testid="sides">
                <thead>
                    <tr>
                        <th scope="col">
                            <span class="sr-only">"Percentile"</span>
                        </th>
                        <th scope="col" class="end">"Caller saw"</th>
                        <th scope="col" class="end">"Callee saw"</th>
                        <th scope="col" class="end">"Between"</th>
                    </tr>
                </thead>
                <tbody>{PERCENTILES.map(row).into_iter().collect_view()}</tbody>
            </table>
        </div>
    }
}

/// What the caller waited longer than the callee worked. Percentiles of two distributions do not subtract exactly, so
/// this is a hint; where the callee's is the larger one there is nothing to say.
fn between(edge: &Edge, of: Percentile) -> String {
    let known = |latency: &Option<Latency>| latency.as_ref().filter(|latency| latency.count > 0).map(of);
    let difference =
        known(&edge.client_side).zip(known(&edge.server_side)).map(|(client, server)| client.ms - server.ms);
    difference
        .filter(|ms| *ms > 0.0)
        .map_or_else(|| "–".to_owned(), |ms| format!("≈ {}", format::duration(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(ms: f64) -> Latency {
        let quantile = Quantile { ms, low_ms: ms, high_ms: Some(ms) };
        Latency { count: 9, p50: quantile, p90: quantile, p99: quantile }
    }

    #[test]
    fn the_difference_is_shown_only_where_it_makes_sense() {
        let edge = |client, server| Edge { client_side: client, server_side: server, ..Edge::default() };
        let text = |edge: &Edge| between(edge, |latency| latency.p50).replace('\u{202f}', " ");
        assert_eq!(text(&edge(Some(latency(12.0)), Some(latency(9.5)))), "≈ 2.5 ms");
        assert_eq!(text(&edge(Some(latency(9.0)), Some(latency(9.5)))), "–");
        assert_eq!(text(&edge(Some(latency(9.0)), None)), "–");
    }
}
