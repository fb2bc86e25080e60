//! ECS Service Connect, which counts for CloudWatch by the minute what its proxies see: who called whom, what came back, and
//! how long that took. It is the only place where it counts, since nobody reaches those proxies.
//!
//! Of a call only the responses that the called application gave are counted. A request that never reached it, since no task
//! was there or none answered, is in no metric. Calls by TCP have no responses, so that they are not read.
//!
//! `RequestCountPerTarget` is an average over the tasks that are called, so responses are added up instead. What comes from
//! outside of Service Connect is told by `RequestCount` alone, without what came back; it is left out rather than shown as
//! requests without an error.

mod config;
mod metrics;
mod minute;
mod progress;
mod topology;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sidecarta_queries::rows::SourceCursor;
use sidecarta_queries::rows::mesh::{
    MeshDelta, MeshDialect, MeshEdge, MeshReporter, MeshScrape, MeshWorkload,
};

pub use config::ServiceConnectConfig;

use crate::aws::{AwsRegion, AwsSource, Fault, Reader, TimeSpan};
use crate::pipeline::{Pipeline, Rows, Submission, SubmitError};
use crate::prometheus;
use metrics::{Answer, Call, MINUTES_PER_CALL, Metric, What};
use progress::Progress;
use topology::Topology;

/// What a metric costs each time that it is asked for, US dollars.
const USD_PER_METRIC: f64 = 0.01 / 1e3;
/// Up to which share of the region's budget metrics are asked for as often as configured.
const SHARE_OF_BUDGET: f64 = 0.5;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// Reads the metrics of a region.
#[derive(Debug)]
pub struct ServiceConnect {
    config: ServiceConnectConfig,
    usd_per_day: f64,
    source: AwsSource,
    pipeline: Pipeline,
    cloudwatch: aws_sdk_cloudwatch::Client,
    ecs: aws_sdk_ecs::Client,
    /// Where reading stands, once it has been looked up.
    progress: Option<Progress>,
    topology: Topology,
    /// Why the services are not known, where they are not.
    topology_fault: Option<String>,
    metrics: Vec<Metric>,
    /// Metrics over the limit.
    too_many: u64,
    listed_at: Option<Instant>,
    next_round: Instant,
    /// The past that is being read, with what there was in it.
    backfill: Option<(TimeSpan, Vec<Metric>)>,
}

impl ServiceConnect {
    /// What reads the clusters of the configuration, if it names any. `usd_per_day` is what all that is asked of the region may
    /// cost.
    pub fn reader(region: &AwsRegion, config: &ServiceConnectConfig, usd_per_day: f64) -> Option<Self> {
        (!config.clusters.is_empty()).then(|| Self {
            config: config.clone(),
            usd_per_day,
            source: region.source("aws_service_connect", ""),
            pipeline: region.pipeline().clone(),
            cloudwatch: aws_sdk_cloudwatch::Client::new(region.sdk()),
            ecs: aws_sdk_ecs::Client::new(region.sdk()),
            progress: None,
            topology: Topology::default(),
            topology_fault: None,
            metrics: Vec::new(),
            too_many: 0,
            listed_at: None,
            next_round: Instant::now(),
            backfill: None,
        })
    }

    /// How often the metrics are asked for: as configured, unless that cost too much.
    fn interval(&self) -> Duration {
        let usd_a_round = self.metrics.len() as f64 * USD_PER_METRIC;
        let rounds_a_day = (SHARE_OF_BUDGET * self.usd_per_day / usd_a_round.max(1e-9)).max(1.0);
        self.config.interval().max(Duration::from_secs_f64(SECONDS_PER_DAY / rounds_a_day))
    }

    fn progress(&mut self) -> &mut Progress {
        self.progress.get_or_insert_with(|| self.pipeline.restored(self.source.key()).unwrap_or_default())
    }

    /// Looks up which services and metrics there are.
    async fn list(&mut self) -> Result<(), Fault> {
        let is_due = self.listed_at.is_none_or(|at| at.elapsed() >= self.config.list_interval());
        if is_due {
            (self.metrics, self.too_many) = self.list_metrics(true).await?;
            self.listed_at = Some(Instant::now());
        }
        if is_due || self.topology_fault.is_some() {
            let mut topology = Topology::default();
            self.topology_fault = None;
            for cluster in &self.config.clusters {
                let described = topology::describe(&self.ecs, &self.source, cluster, &mut topology).await;
                if let Err(fault) = described {
                    // Who calls whom is known without ECS, if not by every name.
                    self.topology_fault = Some(fault.to_string());
                    break;
                }
            }
            if self.topology_fault.is_none() {
                self.topology = topology;
            }
        }
        let rounds_a_day = SECONDS_PER_DAY / self.interval().as_secs_f64();
        let (metrics, calls) = (self.metrics.len() as f64, metrics::portions(&self.metrics).len() as f64);
        self.source.expect("cloudwatch:GetMetricData", rounds_a_day * calls, rounds_a_day * metrics);
        let listings = SECONDS_PER_DAY / self.config.list_interval().as_secs_f64();
        self.source.expect("cloudwatch:ListMetrics", listings * self.config.clusters.len() as f64, 0.0);
        Ok(())
    }

    async fn list_metrics(&self, of_late: bool) -> Result<(Vec<Metric>, u64), Fault> {
        let (mut all, mut too_many) = (Vec::new(), 0);
        for cluster in &self.config.clusters {
            let room = self.config.max_metrics - all.len();
            let listed = metrics::list(&self.cloudwatch, &self.source, cluster, of_late, room).await?;
            all.extend(listed.0);
            too_many += listed.1;
        }
        Ok((all, too_many))
    }

    /// Reads all complete minutes that were not read yet, and those again that may have grown.
    async fn read_new(&mut self) -> Result<(), Fault> {
        let now = self.config.complete_before(now_ms());
        let (look_back, catch_up) = (self.config.look_back_minutes(), self.config.catch_up_minutes());
        let clusters = self.config.clusters.clone();
        let progress = self.progress();
        progress.settle(now - look_back);
        let since: BTreeMap<String, i64> = clusters
            .into_iter()
            .map(|cluster| {
                let since = progress.since(&cluster, now - look_back);
                (cluster, since.max(now - catch_up))
            })
            .collect();
        let again = progress.settled_before();
        let mut by_start: BTreeMap<i64, Vec<Metric>> = BTreeMap::new();
        for metric in std::mem::take(&mut self.metrics) {
            let since = since.get(&metric.call.cluster).copied().unwrap_or(now);
            let unread = self.progress().first_unread(metric.key(), since, now).unwrap_or(now);
            by_start.entry(unread.min(again.max(since))).or_default().push(metric);
        }
        self.metrics = by_start.values().flatten().cloned().collect();
        for (start, metrics) in by_start {
            self.read(&metrics, start, now).await?;
        }
        self.keep().await?;
        self.source.lag((now_ms() - now * 60_000) as f64 / 1e3);
        Ok(())
    }

    /// Reads a piece of the past that a user wants. Its minutes that were read already are passed over.
    async fn read_past(&mut self, span: TimeSpan) -> Result<(), Fault> {
        const MINUTE_NS: i64 = 60_000_000_000;
        if self.backfill.as_ref().is_none_or(|(known, _)| *known != span) {
            self.backfill = Some((span, self.list_metrics(false).await?.0));
        }
        let from = span.from_ns.div_euclid(MINUTE_NS);
        let to = span.to_ns.div_euclid(MINUTE_NS).min(self.config.complete_before(now_ms()));
        let metrics = self.backfill.as_ref().map(|(_, metrics)| metrics.clone()).unwrap_or_default();
        let progress = self.progress();
        let unread = metrics.iter().filter_map(|metric| progress.first_unread(metric.key(), from, to));
        let Some(start) = unread.min() else {
            self.backfill = None;
            self.source.backfill_progress(format!("read up to {}", clock_time(to)));
            return self.source.backfill_finished().await;
        };
        let end = to.min(start + MINUTES_PER_CALL);
        let wanted = |metric: &Metric| progress.first_unread(metric.key(), start, end).is_some();
        let some: Vec<Metric> = metrics.into_iter().filter(wanted).collect();
        let incomplete = self.read(&some, start, end).await?;
        if incomplete > 0 {
            return Err(refused(format!("{incomplete} metrics were not told to their end")));
        }
        self.keep().await?;
        let share = 100.0 * (end - from) as f64 / (to - from).max(1) as f64;
        self.source.backfill_progress(format!("read up to {}, {share:.0} %", clock_time(end)));
        Ok(())
    }

    /// Reads minutes of metrics and stores what they add. Gives how many metrics CloudWatch did not tell all of.
    async fn read(&mut self, metrics: &[Metric], from: i64, to: i64) -> Result<u64, Fault> {
        let mut incomplete = 0;
        let mut start = from;
        while start < to {
            let end = to.min(start + MINUTES_PER_CALL);
            for portion in metrics::portions(metrics) {
                let answer = metrics::ask(&self.cloudwatch, &self.source, portion, (start, end)).await?;
                incomplete += answer.incomplete;
                for minute in start..end {
                    self.store(portion, &answer, minute).await?;
                }
                self.source.handle().succeeded(answer.points, answer.rejected);
            }
            start = end;
        }
        Ok(incomplete)
    }

    /// Stores what a minute adds, together with how far reading has come by it.
    async fn store(&mut self, portion: &[Metric], answer: &Answer, minute: i64) -> Result<(), Fault> {
        let holds_any = answer.told.iter().flatten().any(|told| told.contains_key(&minute));
        // What nobody has submitted yet may be changed at its place.
        let mut next = if holds_any { self.progress().clone() } else { std::mem::take(self.progress()) };
        let mut deltas: BTreeMap<&Call, MeshDelta> = BTreeMap::new();
        for (metric, told) in portion.iter().zip(&answer.told) {
            let Some(told) = told else { continue };
            let told = told.get(&minute).copied().unwrap_or_default();
            let more = next.take(metric.key(), minute, told.count);
            if more == 0 {
                continue;
            }
            let delta = deltas
                .entry(&metric.call)
                .or_insert_with(|| MeshDelta { edge: self.edge(&metric.call), ..MeshDelta::default() });
            match metric.what {
                What::Responses(class) => minute::add_responses(&mut delta.counts, class, more),
                What::Latency => delta.latency = minute::latency_bins(&told, more),
            }
        }
        if !deltas.is_empty() {
            let deltas = deltas.into_values().collect();
            self.submit(minute, deltas, &next).await?;
        }
        self.progress = Some(next);
        Ok(())
    }

    /// Stores how far reading has come, also where nothing was there to be read.
    async fn keep(&mut self) -> Result<(), Fault> {
        let progress = self.progress().clone();
        let minute = progress.settled_before();
        self.submit(minute, Vec::new(), &progress).await
    }

    async fn submit(
        &mut self,
        minute: i64,
        deltas: Vec<MeshDelta>,
        progress: &Progress,
    ) -> Result<(), Fault> {
        // It is made of texts and numbers, and such always serialize.
        let position = postcard::to_stdvec(progress).unwrap_or_default();
        let scrape = MeshScrape {
            // The middle of the minute.
            scraped_at_ns: (minute * 60 + 30) * 1_000_000_000,
            deltas,
            cursor: SourceCursor { source: self.source.key().to_owned(), position },
        };
        let frame = prometheus::encode_frame(&scrape).map_err(crate::otlp::PullError::from)?;
        let submitted = self.pipeline.submit(Submission { frame, rows: Rows::Mesh(Box::new(scrape)) }).await;
        if let Err(SubmitError::Broken { .. }) = submitted {
            // Nobody knows whether it was stored, so the store is asked again before more is counted.
            self.progress = None;
        }
        Ok(submitted?)
    }

    fn edge(&self, call: &Call) -> MeshEdge {
        let caller = self.topology.member(&call.cluster, &call.service).cloned().unwrap_or_default();
        let owner = self.topology.owner(&caller.namespace, &call.discovery).unwrap_or_default();
        let workload = |name: &str, service: &str| MeshWorkload {
            name: name.to_owned(),
            service: service.to_owned(),
            ..MeshWorkload::default()
        };
        MeshEdge {
            dialect: MeshDialect::ServiceConnect,
            instance: self.source.key().to_owned(),
            reporter: MeshReporter::Source,
            source: workload(&caller.discovery, &call.service),
            target: workload(&call.discovery, owner),
            virtual_service: call.discovery.clone(),
            mesh: caller.namespace,
            protocol: "http".to_owned(),
            ..MeshEdge::default()
        }
    }

    /// What is read, in words.
    fn detail(&self) -> String {
        let mut calls: Vec<&Call> = self.metrics.iter().map(|metric| &metric.call).collect();
        calls.sort();
        calls.dedup();
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let clusters = self.config.clusters.join(", ");
        let mut words = vec![format!(
            "{} with {} by {} in {clusters}",
            counted(calls.len(), "edge"),
            counted(self.metrics.len(), "metric"),
            counted(self.topology.len(), "service")
        )];
        let interval = self.interval();
        if interval > self.config.interval() {
            let minutes = interval.as_secs_f64() / 60.0;
            words.push(format!(
                "read every {minutes:.0} min, since more often would cost too much of the budget"
            ));
        }
        if self.too_many > 0 {
            words.push(format!("{} metrics are over service_connect.max_metrics", self.too_many));
        }
        if let Some(fault) = &self.topology_fault {
            words.push(format!("which services stand behind the names is not known: {fault}"));
        }
        words.join("; ")
    }
}

impl Reader for ServiceConnect {
    fn source(&self) -> &AwsSource {
        &self.source
    }

    async fn round(&mut self) -> Result<Duration, Fault> {
        if Instant::now() >= self.next_round {
            self.list().await?;
            let started = Instant::now();
            self.read_new().await?;
            self.next_round = started + self.interval();
            let detail = self.detail();
            self.source.handle().update(|status| status.detail = Some(detail));
        }
        if let Some(span) = self.source.backfill() {
            self.read_past(span).await?;
            return Ok(Duration::ZERO);
        }
        Ok(self.next_round.saturating_duration_since(Instant::now()))
    }
}

fn refused(message: String) -> Fault {
    Fault::Refused { api: "GetMetricData".to_owned(), code: "PartialData".to_owned(), message }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A minute since 1970 as people write it, UTC.
fn clock_time(minute: i64) -> String {
    let time = jiff::Timestamp::from_second(minute * 60).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
