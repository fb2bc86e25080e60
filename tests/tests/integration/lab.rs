//! A laboratory: a real Envoy on whose way everything goes wrong that can, in numbers that are known; and what Sidecarta
//! has stored of it in the end, statistic by statistic.
//!
//! Every number is checked twice: against the records of the load generator, of the services and of the relays before
//! TLS, as far as these can know it, and against Envoy's own statistics, without exception.

#[path = "lab/check.rs"]
mod check;
#[path = "lab/config.rs"]
mod config;
#[path = "lab/envoy.rs"]
mod envoy;
#[path = "lab/load.rs"]
mod load;
#[path = "lab/orders.rs"]
mod orders;
#[path = "lab/parts.rs"]
mod parts;
#[path = "lab/play.rs"]
mod play;
#[path = "lab/relay.rs"]
mod relay;
#[path = "lab/requests.rs"]
mod requests;
#[path = "lab/setup.rs"]
mod setup;
#[path = "lab/sockets.rs"]
mod sockets;
#[path = "lab/truth.rs"]
mod truth;
#[path = "lab/upstream.rs"]
mod upstream;

use sidecarta_tests::harness::eventually;

use orders::{Order, Plan};
use parts::{Part, Parts};
use setup::Lab;
use upstream::Deed;

#[tokio::test]
async fn every_statistic_is_what_happened() {
    let mut lab = Lab::start().await;
    lab.play(1).await;
    let detail = lab.check().await;
    lab.check_edges(&detail).await;
    lab.check_percentiles(&detail);
    check::check_sums(&detail);
    let summary = &detail.summary;
    assert_eq!(
        (summary.id.as_str(), summary.service.as_str(), summary.zone.as_str()),
        ("lab-1", "lab", "here")
    );
    // One host is ejected; the breaker of the one connection stays open as long as that does.
    assert_eq!((summary.ejected_hosts, summary.open_breakers), (1, 1));
    // `flaky`, `mixed`, `panicking` and `gone`.
    assert_eq!(summary.unhealthy_clusters, 4);
    assert_eq!(detail.gaps, []);
}

#[tokio::test]
async fn a_hot_restart_loses_and_invents_nothing() {
    let mut lab = Lab::start().await;
    lab.play(2).await;
    lab.check().await;
    let held = lab.load.begin(&Order::new("plain", &[Deed::Hold]));
    lab.arrived("plain", held.number).await;
    // What is not scraped by now is lost with the old process, and what is not flushed would have to be told apart.
    lab.flushed_and_scraped().await;
    lab.process_ends().await;
    lab.envoy.restart_hot().await;
    eventually("the new process is scraped", async || {
        let detail = lab.proxy().await?;
        let live = Parts::stored(&detail).gauge(&Part::new("server", "Envoy", ""), "live");
        (detail.summary.restart_epoch == 1 && live == 1).then_some(())
    })
    .await;
    // It ends in the old process, which hands its counters on to the new one.
    lab.upstreams[config::PLAIN][0].release();
    lab.unmeasured.push(held.number);
    assert_eq!(lab.load.end(held).await, 200);
    lab.play(3).await;
    let detail = lab.check().await;
    lab.check_edges(&detail).await;
    assert!(detail.gaps.iter().any(|gap| gap.lost_process), "{:?}", detail.gaps);
}

#[tokio::test]
async fn what_was_never_flushed_is_not_counted_again_after_a_hot_restart() {
    // An Envoy flushes five minutes after its start at the latest, and hands over what it has not flushed.
    let mut lab = Lab::start_with("299s").await;
    eventually("the proxy is scraped", async || lab.proxy().await).await;
    lab.play_in_turn(&Plan::of(11)).await;
    lab.check_requests().await;
    lab.envoy.restart_hot().await;
    lab.play_in_turn(&Plan::of(12)).await;
    lab.check_requests().await;
}

#[tokio::test]
async fn a_killed_envoy_loses_nothing_that_was_scraped_and_invents_nothing() {
    let mut lab = Lab::start().await;
    lab.play(4).await;
    lab.check().await;
    lab.process_ends().await;
    lab.envoy.kill_and_start().await;
    lab.play(5).await;
    let detail = lab.check().await;
    lab.check_edges(&detail).await;
    assert!(detail.gaps.iter().any(|gap| gap.lost_process), "{:?}", detail.gaps);
}

#[tokio::test]
async fn a_reset_of_the_counters_loses_and_invents_nothing() {
    let mut lab = Lab::start().await;
    lab.play(6).await;
    lab.check().await;
    lab.reset_counters().await;
    lab.play(7).await;
    let detail = lab.check().await;
    lab.check_edges(&detail).await;
}

#[tokio::test]
async fn a_killed_sidecarta_goes_on_where_it_stopped() {
    let mut lab = Lab::start().await;
    lab.play(8).await;
    lab.server.kill().await;
    lab.play_in_turn(&Plan::of(9)).await;
    lab.server.restart().await;
    lab.play(10).await;
    let detail = lab.check().await;
    lab.check_edges(&detail).await;
}
