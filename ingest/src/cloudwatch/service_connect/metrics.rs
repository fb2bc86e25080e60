//! What CloudWatch is asked for: which metrics there are, and what they hold minute by minute.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{
    Dimension, DimensionFilter, Metric as CloudWatchMetric, MetricDataQuery, MetricDataResult, MetricStat,
    RecentlyActive, ScanBy, StatusCode,
};
use aws_smithy_types::DateTime;
use xxhash_rust::xxh3::Xxh3Default;

use super::minute::{PERCENTILES, Told, count_of, duration_of};
use crate::aws::{AwsSource, Fault};

const NAMESPACE: &str = "AWS/ECS";
const LATENCY: &str = "TargetResponseTime";
/// The classes of responses, of which the first is 2xx.
const CLASSES: [&str; 4] = [
    "HTTPCode_Target_2XX_Count",
    "HTTPCode_Target_3XX_Count",
    "HTTPCode_Target_4XX_Count",
    "HTTPCode_Target_5XX_Count",
];
/// What a latency is asked for by. As many statistics of one metric in one call are billed as one metric.
const LATENCY_STATISTICS: [&str; 5] =
    ["SampleCount", PERCENTILES[0].0, PERCENTILES[1].0, PERCENTILES[2].0, "Maximum"];
/// How many queries one call may have.
const MAX_QUERIES: usize = 500;
/// How many minutes one call is asked for: as many data points as fit into one answer of so many queries.
pub(super) const MINUTES_PER_CALL: i64 = 180;
/// Pages beyond which an answer is taken for one without an end.
const MAX_PAGES: usize = 1_000;

/// Who calls whom, as CloudWatch has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Call {
    /// The cluster of the calling service.
    pub(super) cluster: String,
    /// The calling service.
    pub(super) service: String,
    /// The name that it discovers the called one by.
    pub(super) discovery: String,
}

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum What {
    /// Responses of a class, 1 to 4 for 2xx to 5xx.
    Responses(usize),
    /// How long the called service took.
    Latency,
}

/// One metric that is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Metric {
    pub(super) call: Call,
    pub(super) what: What,
}

impl Metric {
    fn of(metric: &CloudWatchMetric) -> Option<Self> {
        let name = metric.metric_name()?;
        let what = match CLASSES.iter().position(|class| *class == name) {
            Some(class) => What::Responses(class + 1),
            None if name == LATENCY => What::Latency,
            None => return None,
        };
        let dimension = |name: &str| {
            let found = metric.dimensions().iter().find(|dimension| dimension.name() == Some(name))?;
            found.value().filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let call = Call {
            cluster: dimension("ClusterName")?,
            service: dimension("ServiceName")?,
            discovery: dimension("TargetDiscoveryName")?,
        };
        (metric.dimensions().len() == 3).then_some(Self { call, what })
    }

    fn name(&self) -> &'static str {
        match self.what {
            What::Responses(class) => CLASSES[class - 1],
            What::Latency => LATENCY,
        }
    }

    /// The same for the same metric at all times.
    pub(super) fn key(&self) -> u64 {
        let mut hasher = Xxh3Default::new();
        for text in [self.name(), &self.call.cluster, &self.call.service, &self.call.discovery] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.digest()
    }

    fn statistics(&self) -> &'static [&'static str] {
        match self.what {
            What::Responses(_) => &["Sum"],
            What::Latency => &LATENCY_STATISTICS,
        }
    }

    fn queries(&self, number: usize) -> impl Iterator<Item = MetricDataQuery> {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let metric = CloudWatchMetric::builder()
            .namespace(NAMESPACE)
            .metric_name(self.name())
            .dimensions(dimension("TargetDiscoveryName", &self.call.discovery))
            .dimensions(dimension("ServiceName", &self.call.service))
            .dimensions(dimension("ClusterName", &self.call.cluster))
            .build();
        self.statistics().iter().enumerate().map(move |(statistic, name)| {
            let stat = MetricStat::builder().metric(metric.clone()).period(60).stat(*name).build();
            MetricDataQuery::builder().id(format!("m{number}_{statistic}")).metric_stat(stat).build()
        })
    }
}

/// What a cluster's services have called, of late or in two weeks; how many are over the limit.
pub(super) async fn list(
    client: &Client,
    source: &AwsSource,
    cluster: &str,
    of_late: bool,
    max_metrics: usize,
) -> Result<(Vec<Metric>, u64), Fault> {
    let filter = |name: &str| DimensionFilter::builder().name(name);
    let mut metrics: Vec<Metric> = Vec::new();
    let mut too_many = 0;
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let call = client
            .list_metrics()
            .namespace(NAMESPACE)
            .dimensions(filter("TargetDiscoveryName").build())
            .dimensions(filter("ServiceName").build())
            .dimensions(filter("ClusterName").value(cluster).build())
            .set_recently_active(of_late.then_some(RecentlyActive::Pt3H))
            .set_next_token(token.clone());
        let page = source.call("cloudwatch:ListMetrics", call.send()).await?;
        for metric in page.metrics().iter().filter_map(Metric::of) {
            if metrics.len() < max_metrics {
                metrics.push(metric);
            } else {
                too_many += 1;
            }
        }
        let next = page.next_token.filter(|next| !next.is_empty());
        if next.is_none() || next == token {
            break;
        }
        token = next;
    }
    metrics.sort();
    metrics.dedup();
    Ok((metrics, too_many))
}

/// As many of the metrics as one call may ask for, again and again.
pub(super) fn portions(metrics: &[Metric]) -> Vec<&[Metric]> {
    let mut portions = Vec::new();
    let (mut start, mut queries) = (0, 0);
    for (at, metric) in metrics.iter().enumerate() {
        let more = metric.statistics().len();
        if queries + more > MAX_QUERIES {
            portions.push(&metrics[start..at]);
            (start, queries) = (at, 0);
        }
        queries += more;
    }
    if start < metrics.len() {
        portions.push(&metrics[start..]);
    }
    portions
}

/// What the metrics of a portion hold.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// By metric and minute since 1970; nothing of metrics that CloudWatch did not tell all of.
    pub(super) told: Vec<Option<BTreeMap<i64, Told>>>,
    /// Data points that were taken.
    pub(super) points: u64,
    /// Those that are no counts or durations.
    pub(super) rejected: u64,
    /// Metrics of which CloudWatch did not tell all.
    pub(super) incomplete: u64,
}

/// Asks what the metrics of a portion hold in the minutes of a range.
pub(super) async fn ask(
    client: &Client,
    source: &AwsSource,
    portion: &[Metric],
    (from, to): (i64, i64),
) -> Result<Answer, Fault> {
    let queries: Vec<MetricDataQuery> =
        portion.iter().enumerate().flat_map(|(number, metric)| metric.queries(number)).collect();
    let mut reading = Reading::of(portion, (from, to));
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let call = client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(DateTime::from_secs(from * 60))
            .end_time(DateTime::from_secs(to * 60))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(token.clone());
        let page = source.call("cloudwatch:GetMetricData", call.send()).await?;
        source.charge("cloudwatch:GetMetricData", portion.len() as u64);
        page.metric_data_results().iter().for_each(|result| reading.add(result));
        let next = page.next_token.filter(|next| !next.is_empty());
        if next.is_none() {
            return Ok(reading.finished());
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(Fault::Refused {
        api: "GetMetricData".to_owned(),
        code: "EndlessAnswer".to_owned(),
        message: "there is always another page".to_owned(),
    })
}

/// The pages of an answer, put together.
struct Reading<'p> {
    portion: &'p [Metric],
    range: (i64, i64),
    told: Vec<BTreeMap<i64, Told>>,
    /// By metric, which statistics are told to their end.
    complete: Vec<Vec<bool>>,
    points: u64,
    rejected: u64,
}

impl<'p> Reading<'p> {
    fn of(portion: &'p [Metric], range: (i64, i64)) -> Self {
        Self {
            portion,
            range,
            told: vec![BTreeMap::new(); portion.len()],
            complete: portion.iter().map(|metric| vec![false; metric.statistics().len()]).collect(),
            points: 0,
            rejected: 0,
        }
    }

    fn add(&mut self, result: &MetricDataResult) {
        let number = |text: &str| text.parse::<usize>().ok();
        let id = result.id().and_then(|id| id.strip_prefix('m')?.split_once('_'));
        let Some((metric, statistic)) =
            id.and_then(|(metric, statistic)| Some((number(metric)?, number(statistic)?)))
        else {
            return;
        };
        let Some(complete) = self.complete.get_mut(metric).and_then(|of| of.get_mut(statistic)) else {
            return;
        };
        *complete = result.status_code() == Some(&StatusCode::Complete);
        for (time, &value) in result.timestamps().iter().zip(result.values()) {
            let minute = time.secs().div_euclid(60);
            if minute < self.range.0 || minute >= self.range.1 {
                continue;
            }
            let told = self.told[metric].entry(minute).or_default();
            let is_taken = if statistic == 0 {
                let count = count_of(value);
                told.count = count.unwrap_or(told.count);
                count.is_some()
            } else {
                told.points_ms[statistic - 1] = duration_of(value);
                told.points_ms[statistic - 1].is_some()
            };
            if is_taken {
                self.points += 1;
            } else {
                self.rejected += 1;
            }
        }
    }

    fn finished(self) -> Answer {
        let incomplete = self.complete.iter().filter(|of| of.contains(&false)).count();
        debug_assert_eq!(self.told.len(), self.portion.len());
        let told = self.told.into_iter().zip(self.complete);
        Answer {
            told: told.map(|(told, complete)| (!complete.contains(&false)).then_some(told)).collect(),
            points: self.points,
            rejected: self.rejected,
            incomplete: incomplete as u64,
        }
    }
}
