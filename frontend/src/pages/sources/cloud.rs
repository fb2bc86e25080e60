//! What a source asks of a cloud, and what that costs.

use leptos::prelude::*;
use sidecarta_queries::api::sources::{CloudCalls, CloudStatus, SourceStatus};

use crate::format;
use crate::model::sources::{cloud_place, dollars};

/// Nothing where the source is not in a cloud.
#[component]
pub(super) fn CloudPart(source: Memo<SourceStatus>) -> impl IntoView {
    let cloud = Memo::new(move |_| source.with(|source| source.cloud.clone()));
    move || cloud.get().map(|cloud| part(&cloud))
}

fn part(cloud: &CloudStatus) -> AnyView {
    let price = |name: &'static str, usd: f64| {
        view! {
            <div class="fact">
                <dt>{name}</dt>
                <dd class="num" class:is-none=usd <= 0.0>{dollars(usd)}</dd>
            </div>
        }
        .into_any()
    };
    let prices = [
        price("Cost today", cloud.usd_today),
        price("Expected a day", cloud.usd_per_day_expected),
        price("Limit a day", cloud.usd_per_day_limit),
    ];
    let place = cloud_place(cloud);
    let backfill = cloud.backfill.as_ref().map(|words| format!("The past: {words}"));
    let lines = [Some(place).filter(|place| !place.is_empty()), backfill];
    let lines =
        lines.into_iter().flatten().map(|words| view! { <p class="small num">{words}</p> }.into_any());
    let calls: Vec<AnyView> = cloud.calls.iter().map(call).collect();
    view! {
        <div class="source-cloud" data-testid="cloud">
            {lines.collect_view()} <dl class="facts">{prices.into_iter().collect_view()}</dl>
            <ul class="source-calls small">{calls}</ul>
        </div>
    }
    .into_any()
}

/// One API: how often it was called today, and how often it may be.
fn call(calls: &CloudCalls) -> AnyView {
    let counted = format!("{} of {}", format::count(calls.today), format::count(calls.limit_per_day));
    let title = format!("Calls today of those that a day may have, {} so far", dollars(calls.usd_today));
    view! {
        <li title=title>
            <code class="truncate">{calls.api.clone()}</code>
            <span class="num muted">{counted}</span>
        </li>
    }
    .into_any()
}
