//! What the API says is compared with what happened.

use sidecarta_queries::api::graph::{Evidence, Quantile, Source};
use sidecarta_queries::api::proxies::{EdgeStatisticsResponse, ProxyDetail, ProxyResponse};
use sidecarta_tests::harness::{eventually, eventually_ok};

use super::config::{PLAIN, short};
use super::load::Sent;
use super::parts::{Part, Parts};
use super::setup::Lab;
use super::truth::Truth;
use super::upstream::Deed;

/// The requests, errors and latencies of each part are those of its statistics.
pub(super) fn check_sums(detail: &ProxyDetail) {
    for part in &detail.parts {
        let count = |name: &str| {
            let found = part.statistics.iter().find(|statistic| statistic.name == name);
            found.map_or(0, |statistic| statistic.value as u64)
        };
        let family = if part.kind == "manager" { "downstream" } else { "upstream" };
        let requests = count(&format!("{family}_rq_completed"));
        let errors = count(&format!("{family}_rq_5xx"));
        assert_eq!((part.requests, part.errors), (requests, errors), "{} {}", part.kind, part.name);
        assert!(part.latency.is_none_or(|latency| latency.count <= requests), "{}", part.name);
    }
}

impl Lab {
    /// The cluster that a route leads to.
    pub(super) fn cluster_of(&self, route: &str) -> &'static str {
        let clusters = self.envoy.clusters();
        clusters.iter().copied().find(|cluster| short(cluster) == route).unwrap()
    }

    /// What the API says of the proxy, once it knows it.
    pub(super) async fn proxy(&self) -> Option<ProxyDetail> {
        let answer = self.server.get("/api/v1/proxies/lab-1?from=-1h").await;
        (answer.status == 200).then(|| answer.json::<ProxyResponse>().proxy)
    }

    /// What is stored of each part of the proxy.
    pub(super) async fn stored(&self) -> Option<Parts> {
        self.proxy().await.map(|detail| Parts::stored(&detail))
    }

    /// Waits until everything that is stored is what Envoy has counted over all its processes and, as far as others
    /// can know, what has happened.
    pub(super) async fn check(&self) -> ProxyDetail {
        let sent = self.load.sent();
        let truth = Truth::of(&self.records(&sent));
        eventually_ok("what is stored is what happened", async || {
            let mut counted = self.envoy.counted().await?;
            counted.add_earlier(&self.earlier);
            let detail = self.proxy().await.ok_or("the proxy is not known yet")?;
            let stored = Parts::stored(&detail);
            let difference = stored.difference(&counted) + &truth.difference(&stored);
            if difference.is_empty() { Ok(detail) } else { Err(difference) }
        })
        .await
    }

    /// Sends a request and waits until its latency is stored: by then Envoy has flushed everything before it.
    pub(super) async fn flushed_and_scraped(&self) {
        let plain = Part::cluster(PLAIN);
        let known = self.stored().await.unwrap().latency(&plain);
        self.send_plain().await;
        let is_known = async || (self.stored().await?.latency(&plain) == known + 1).then_some(());
        eventually("the latency is stored", is_known).await;
    }

    /// Waits until what is stored of requests and connections is what has happened, whatever Envoy says, and apart from
    /// what it does not tell before it flushes.
    pub(super) async fn check_requests(&self) {
        let sent = self.load.sent();
        let truth = Truth::of(&self.records(&sent)).without_lagging();
        eventually_ok("what is stored is what happened", async || {
            let difference = truth.difference(&self.stored().await.unwrap_or_default());
            if difference.is_empty() { Ok(()) } else { Err(difference) }
        })
        .await;
    }

    /// Remembers what the process has counted, before another one takes its place.
    pub(super) async fn process_ends(&mut self) {
        let counted = self.envoy.counted().await.unwrap();
        self.earlier.add_earlier(&counted);
        self.is_ejected = false;
    }

    /// Sets the counters to zero and remembers them; histograms and the counters of endpoints stay as they are.
    pub(super) async fn reset_counters(&mut self) {
        let mut counted = self.envoy.counted().await.unwrap();
        counted.0.retain(|part, _| part.kind != "endpoint");
        counted.0.values_mut().for_each(|counted| counted.latency = 0);
        self.earlier.add_earlier(&counted);
        self.envoy.reset_counters().await;
    }

    /// The edges of the graph have the numbers of the clusters that they stand for, and so do their statistics.
    pub(super) async fn check_edges(&self, detail: &ProxyDetail) {
        let graph = self.server.graph("from=-1h").await;
        let clusters = detail.parts.iter().filter(|part| part.kind == "cluster" && part.requests > 0);
        let mut checked = 0;
        for cluster in clusters {
            let (source, target) = (&detail.summary.node, cluster.target.as_ref().unwrap());
            let edge = graph.edges.iter().find(|edge| edge.source == *source && edge.target == *target);
            let edge = edge.unwrap_or_else(|| panic!("no edge to {target}: {:#?}", graph.edges));
            let said: &Evidence = &edge.evidence[0];
            let count = |name: &str| {
                let found = cluster.statistics.iter().find(|statistic| statistic.name == name);
                found.map_or(0, |statistic| statistic.value as u64)
            };
            assert_eq!((said.source, edge.evidence.len()), (Source::Envoy, 1));
            assert_eq!(
                [said.requests, said.errors, said.attempts, said.retries, said.timeouts],
                [
                    count("upstream_rq_completed"),
                    count("upstream_rq_5xx"),
                    count("upstream_rq_total"),
                    count("upstream_rq_retry"),
                    count("upstream_rq_timeout"),
                ],
                "{}",
                edge.id
            );
            assert_eq!(said.connection_failures, count("upstream_cx_connect_fail"), "{}", edge.id);
            assert_eq!(said.latency, cluster.latency, "{}", edge.id);
            assert_eq!(edge.mtls, cluster.mtls, "{}", edge.id);
            let path = format!("/api/v1/edges/statistics?source={source}&target={target}&from=-1h");
            let answer: EdgeStatisticsResponse = self.server.get(&path).await.json();
            assert_eq!(answer.edge_statistics.statistics, cluster.statistics, "{}", edge.id);
            checked += 1;
        }
        assert_eq!(checked, self.envoy.clusters().len());
    }

    /// The percentiles of the service whose delays are known have bounds between which the truth lies.
    pub(super) fn check_percentiles(&self, detail: &ProxyDetail) {
        let paced: Vec<Sent> =
            self.load.sent().into_iter().filter(|sent| sent.order.route == "paced").collect();
        let mut ordered: Vec<f64> = paced
            .iter()
            .map(|sent| match sent.order.deeds[0] {
                Deed::Late(ms) => ms as f64,
                _ => 0.0,
            })
            .collect();
        // What Envoy measured lies between what was ordered and what the caller waited.
        let mut waited: Vec<f64> = paced.iter().map(|sent| sent.took.as_secs_f64() * 1e3).collect();
        ordered.sort_by(f64::total_cmp);
        waited.sort_by(f64::total_cmp);
        let part = detail.parts.iter().find(|part| part.kind == "cluster" && part.name == "paced").unwrap();
        let latency = part.latency.unwrap();
        for (quantile, share) in [(latency.p50, 0.5), (latency.p90, 0.9), (latency.p99, 0.99)] {
            let rank = (share * paced.len() as f64).ceil() as usize - 1;
            let Quantile { ms, low_ms, high_ms } = quantile;
            let high_ms = high_ms.expect("Envoy's own bins have bounds");
            assert!(low_ms <= waited[rank], "{share}: {quantile:?}, waited {waited:?}");
            // Whole milliseconds are counted, rounded down.
            assert!(high_ms >= ordered[rank], "{share}: {quantile:?}, ordered {ordered:?}");
            assert!(low_ms <= ms && ms <= high_ms, "{quantile:?}");
            assert!(
                high_ms - low_ms <= (0.1 * low_ms).max(1.0) + 1e-6,
                "{quantile:?} is as fine as Envoy's bins"
            );
        }
    }
}
