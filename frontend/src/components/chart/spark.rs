//! A small line on a row of a table.

use leptos::prelude::*;

use crate::chart::path::{band_path, step_path};
use crate::chart::scale::Scale;
use crate::format;

const WIDTH: f64 = 96.0;
const HEIGHT: f64 = 22.0;

/// Requests of each step as a line over an area, and the failed ones among them as a filled part of it.
#[component]
pub(crate) fn Spark(
    /// Requests and errors of each step.
    #[prop(into)]
    trend: Signal<Vec<[u64; 2]>>,
) -> impl IntoView {
    let drawn = move || {
        let trend = trend.get();
        let most = trend.iter().map(|[requests, _]| *requests).max().unwrap_or_default();
        let level = Scale::linear((0.0, most as f64), (HEIGHT - 1.0, 2.0));
        let across = Scale::linear((0.0, trend.len() as f64), (0.0, WIDTH));
        let edges: Vec<f64> = (0..=trend.len()).map(|step| across.at(step as f64)).collect();
        let area = |of: usize| {
            let top =
                trend.iter().map(|step| (step[of] > 0).then(|| (level.at(step[of] as f64), HEIGHT - 1.0)));
            band_path(&edges, &top.collect::<Vec<_>>())
        };
        let line = trend.iter().map(|[requests, _]| Some(level.at(*requests as f64))).collect::<Vec<_>>();
        let (all, failed) = trend.iter().fold((0, 0), |sum, step| (sum.0 + step[0], sum.1 + step[1]));
        let words = format!(
            "{} in {}, at most {} in one, {} failed",
            format::plural(all, "request", "requests"),
            format::plural(trend.len() as u64, "step", "steps"),
            format::count(most),
            format::count(failed)
        );
        view! {
            <title>{words}</title>
            <path class="spark-area" d=area(0) />
            <path class="spark-failed" d=area(1) />
            <path class="spark-line" d=step_path(&edges, &line) />
        }
    };
    view! {
        <svg class="spark" width=WIDTH height=HEIGHT role="img">
            {drawn}
        </svg>
    }
    .into_any()
}
