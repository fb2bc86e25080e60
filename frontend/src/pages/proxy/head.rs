//! What a proxy is, and when it could not be read.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::proxies::{ProxySummary, ScrapeGap};

use crate::clock;
use crate::components::icon::{Icon, PROXIES, of_health};
use crate::components::proxies::{Certificate, LastScrape, StateSign, Uptime, known};
use crate::components::sign::health_class;
use crate::page::Page;
use crate::preferences::Preferences;

/// Name, state and facts of the proxy.
#[component]
pub(super) fn ProxyHead(summary: Signal<ProxySummary>) -> impl IntoView {
    let page = expect_context::<Page>();
    let service = Memo::new(move |_| summary.with(|summary| summary.service.clone()));
    let link = move || page.state.with(|state| service.with(|service| state.service_link(service)));
    let reporting = move || {
        if summary.with(|summary| summary.is_reporting) {
            (Health::Healthy, "Reporting")
        } else {
            (Health::Failing, "Not reporting")
        }
    };
    let fact = move |name: &'static str, read: fn(&ProxySummary) -> String| {
        view! { <Fact name>{move || summary.with(read)}</Fact> }
    };
    view! {
        <div class="page-head">
            <span class="kind-tile">
                <Icon path=PROXIES />
            </span>
            <h1 class="proxy-title" data-testid="proxy-id">{move || summary.with(|summary| summary.id.clone())}</h1>
            <span class=move || format!("health health-pill {}", health_class(reporting().0))>
                <Icon path=Signal::derive(move || of_health(reporting().0)) />
                {move || reporting().1}
            </span>
        </div>
        <div class="card card-pad">
            <dl class="proxy-facts">
                <Fact name="Service">
                    <a href=link data-testid="proxy-service" title=move || summary.with(|summary| summary.identity.clone())>
                        {service}
                    </a>
                </Fact>
                <Fact name="State"><StateSign row=summary /></Fact>
                <Fact name="Last scrape"><LastScrape row=summary /></Fact>
                <Fact name="Up for"><Uptime row=summary /></Fact>
                <Fact name="Certificate expires"><Certificate row=summary /></Fact>
                {fact("Envoy", |summary| known(&summary.envoy_version))}
                {fact("Restart epoch", |summary| summary.restart_epoch.to_string())}
                {fact("Zone", |summary| known(&summary.zone))} {fact("Address", |summary| known(&summary.address))}
                {fact("Cluster of the node", |summary| known(&summary.cluster))}
                {fact("Named by", |summary| known(&summary.identity))}
            </dl>
        </div>
    }
}

#[component]
fn Fact(name: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="fact">
            <dt>{name}</dt>
            <dd>{children()}</dd>
        </div>
    }
}

/// The times in which the proxy was not scraped, in words.
#[component]
pub(super) fn Gaps(gaps: Signal<Vec<ScrapeGap>>) -> impl IntoView {
    let zone = expect_context::<Preferences>().zone;
    let rows = move || {
        let zone = zone.get();
        gaps.get()
            .into_iter()
            .map(|gap| {
                let health = if gap.lost_process { Health::Degraded } else { Health::Idle };
                view! {
                    <li>
                        <span class=format!("health {}", health_class(health))>
                            <Icon path=of_health(health) />
                        </span>
                        <span>{gap_words(&gap, |time| clock::rewritten(time, zone))}</span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <section class="card" data-testid="gaps">
            <h2 class="card-title">"When it was not scraped"</h2>
            <ul class="gaps num">{rows}</ul>
        </section>
    }
}

/// A gap as a sentence.
fn gap_words(gap: &ScrapeGap, time: impl Fn(&str) -> String) -> String {
    let about = if gap.lost_process {
        "the process ended, so what it counted after its last scrape is not known"
    } else {
        "the process went on counting, so nothing is missing"
    };
    format!("Not scraped from {} to {}; {about}.", time(&gap.since), time(&gap.until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_says_whether_something_is_missing() {
        let gap =
            |lost_process| ScrapeGap { since: "08:00".to_owned(), until: "08:05".to_owned(), lost_process };
        assert_eq!(
            gap_words(&gap(true), str::to_owned),
            "Not scraped from 08:00 to 08:05; the process ended, so what it counted after its last scrape is not known."
        );
        assert!(gap_words(&gap(false), str::to_owned).ends_with("nothing is missing."));
    }
}
