//! Asks the X-Ray of a region for what is wanted, and stores it with the progress that it makes.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_xray::Client;
use jiff::Timestamp;
use sidecarta_queries::rows::SourceCursor;

use super::fetch::{self, Fetched, IDS_AT_ONCE, MAX_BYTES, Way};
use super::progress::{Progress, Rules, Window};
use super::{NS_PER_MS, PullConfig};
use crate::aws::{AwsRegion, AwsSource, Fault};
use crate::otlp::Pulled;
use crate::pipeline::Pipeline;
use crate::xray::ids::trace_id;
use crate::xray::{Late, spans};

/// How often it is looked up where the account keeps its traces.
const WAY_KEPT_NS: i64 = 600_000 * NS_PER_MS;
/// How long a trace may go on before and after an event of it.
const AROUND_NS: i64 = 3_600_000 * NS_PER_MS;
pub(super) const DAY_SECONDS: f64 = 86_400.0;

pub(super) fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Asks and stores, whatever the range.
#[derive(Debug)]
pub(super) struct Puller {
    client: Client,
    pub(super) source: AwsSource,
    pub(super) pipeline: Pipeline,
    pub(super) config: PullConfig,
    pub(super) rules: Rules,
    way: Way,
    way_found_ns: Option<i64>,
}

/// Makes of how far reading is what is stored of it.
pub(super) type Save<'a> = dyn FnMut(&Progress) -> SourceCursor + Send + 'a;

impl Puller {
    pub(super) fn new(region: &AwsRegion, source: AwsSource, config: &PullConfig) -> Self {
        let puller = Self {
            client: Client::new(region.sdk()),
            source,
            pipeline: region.pipeline().clone(),
            config: config.clone(),
            rules: config.rules(),
            way: Way::Classic,
            way_found_ns: None,
        };
        puller.expect(0.0);
        puller
    }

    /// Looks up from time to time where the account keeps its traces. Where that may not be looked up, X-Ray itself is
    /// tried.
    pub(super) async fn find_way(&mut self) -> Result<(), Fault> {
        let now_ns = now_ns();
        if self.way_found_ns.is_some_and(|found_ns| now_ns - found_ns < WAY_KEPT_NS) {
            return Ok(());
        }
        let detail = match fetch::way(&self.client, &self.source).await {
            Ok(way) => {
                self.way = way;
                match way {
                    Way::Classic => "traces in X-Ray".to_owned(),
                    Way::TransactionSearch => "traces in CloudWatch Logs (Transaction Search)".to_owned(),
                }
            }
            Err(fault @ Fault::Denied { .. }) => {
                format!("it is not known where the account keeps its traces, so X-Ray is tried: {fault}")
            }
            Err(fault) => return Err(fault),
        };
        self.way_found_ns = Some(now_ns);
        self.source.handle().update(|status| status.detail = Some(detail));
        Ok(())
    }

    /// Says what a day will cost with so many traces.
    pub(super) fn expect(&self, traces: f64) {
        let config = &self.config;
        let rounds = DAY_SECONDS * 1e3 / config.interval_ms as f64;
        let look_backs = DAY_SECONDS * 1e3 / config.look_back_every_ms as f64;
        let times = 1.0
            + config.overlap_ms as f64 / config.interval_ms as f64
            + config.look_back_ms as f64 / config.look_back_every_ms as f64;
        self.source.expect("xray:GetTraceSummaries", rounds + look_backs, traces * times);
        let (action, other, ids) = match self.way {
            Way::Classic => ("xray:BatchGetTraces", "xray:StartTraceRetrieval", 5.0),
            Way::TransactionSearch => ("xray:StartTraceRetrieval", "xray:BatchGetTraces", IDS_AT_ONCE as f64),
        };
        self.source.expect(action, traces / ids, traces);
        self.source.expect(other, 0.0, 0.0);
    }

    /// Looks a window through to its end, fetching what is found as it comes. How many traces were found, and whether
    /// anything was stored.
    pub(super) async fn read(
        &self,
        progress: &mut Progress,
        window: Window,
        save: &mut Save<'_>,
    ) -> Result<(f64, bool), Fault> {
        let mut token = None;
        let (mut found, mut is_stored) = (0.0, false);
        loop {
            let expression = self.config.expression();
            let page = fetch::summaries(&self.client, &self.source, window, expression, token).await?;
            let now_ns = now_ns();
            found += page.summaries.len() as f64;
            let mut strange = None;
            for summary in &page.summaries {
                let id = summary.id().unwrap_or_default();
                let Some(trace) = trace_id(id) else {
                    strange = Some(id);
                    continue;
                };
                let event = summary.matched_event_time().or(summary.start_time());
                let event_ns = event.and_then(|time| i64::try_from(time.as_nanos()).ok());
                progress.note(trace, summary.revision, event_ns.unwrap_or(window.to_ns), now_ns);
            }
            if let Some(id) = strange {
                self.reject(1, format!("X-Ray told of a trace by the id `{id}`, which is none"));
            }
            token = page.next_token;
            if token.is_none() {
                progress.finish(window, now_ns, &self.rules);
            }
            is_stored |= self.drain(progress, save).await?;
            if token.is_none() {
                return Ok((found, is_stored));
            }
        }
    }

    /// Fetches and stores all that is due. Whether anything was stored.
    pub(super) async fn drain(&self, progress: &mut Progress, save: &mut Save<'_>) -> Result<bool, Fault> {
        let mut is_stored = false;
        loop {
            let due = progress.due(now_ns(), IDS_AT_ONCE);
            if due.is_empty() {
                return Ok(is_stored);
            }
            let (fetched, result) = match self.way {
                Way::Classic => fetch::batches(&self.client, &self.source, &due).await,
                Way::TransactionSearch => {
                    let (first_ns, last_ns) = progress.events(&due).unwrap_or_default();
                    let range =
                        (first_ns.saturating_sub(AROUND_NS), last_ns.saturating_add(AROUND_NS).min(now_ns()));
                    let poll = Duration::from_millis(self.config.retrieval_poll_ms);
                    match fetch::retrieval(&self.client, &self.source, &due, range, poll).await {
                        Ok(fetched) => (fetched, Ok(())),
                        Err(fault) => (Fetched::default(), Err(fault)),
                    }
                }
            };
            is_stored |= self.store(progress, fetched, save).await?;
            result?;
        }
    }

    /// Stores what was fetched, each piece with the progress that it makes. Whether anything was stored.
    async fn store(
        &self,
        progress: &mut Progress,
        fetched: Fetched,
        save: &mut Save<'_>,
    ) -> Result<bool, Fault> {
        let now_ns = now_ns();
        let mut next = progress.clone();
        let mut lost = 0;
        for &trace in &fetched.asked {
            if fetched.documents.get(&trace).is_some_and(|documents| !documents.is_empty()) {
                continue;
            }
            if fetched.unprocessed.contains(&trace) {
                next.again(trace, now_ns, &self.rules);
            } else {
                lost += u64::from(next.missing(trace, now_ns, &self.rules));
            }
        }
        self.tell(&fetched, lost);
        let mut is_stored = false;
        let mut traces = fetched.documents.into_iter().peekable();
        while traces.peek().is_some() {
            let (mut piece, mut bytes) = (Vec::new(), 0);
            while let Some((trace, documents)) = traces.next_if(|_| bytes < MAX_BYTES) {
                bytes += documents.iter().map(String::len).sum::<usize>();
                piece.push((trace, documents, fetched.unprocessed.contains(&trace)));
            }
            self.store_piece(&mut next, &piece, save).await?;
            next.clone_into(progress);
            is_stored = true;
        }
        *progress = next;
        Ok(is_stored)
    }

    /// Stores some traces, and moves `next` on by them.
    async fn store_piece(
        &self,
        next: &mut Progress,
        piece: &[(u128, Vec<String>, bool)],
        save: &mut Save<'_>,
    ) -> Result<(), Fault> {
        let now_ns = now_ns();
        let (mut patient, mut overdue) = (Vec::new(), Vec::new());
        for (trace, documents, _) in piece {
            let is_overdue = next.is_overdue(*trace, now_ns, &self.rules);
            let to = if is_overdue { &mut overdue } else { &mut patient };
            to.extend(documents.iter().map(String::as_str));
        }
        let mut converted = spans(&patient, Late::Wait);
        let last = spans(&overdue, Late::Store);
        let waiting: BTreeSet<u128> = converted.waiting.iter().map(|waiting| waiting.trace_id).collect();
        for (trace, _, is_unprocessed) in piece {
            if *is_unprocessed || waiting.contains(trace) {
                next.again(*trace, now_ns, &self.rules);
            } else {
                next.close(*trace);
            }
        }
        converted.request.resource_spans.extend(last.request.resource_spans);
        let mut flaws = [(&patient, converted.rejected), (&overdue, last.rejected)]
            .into_iter()
            .flat_map(|(texts, flaws)| flaws.into_iter().map(|flaw| (texts.get(flaw.document), flaw)));
        let first = flaws.next();
        let rejected = flaws.count() as u64 + u64::from(first.is_some());
        let request = Pulled::xray_traces(&converted.request, Some(save(next)));
        let taken = request.submit(&self.pipeline).await?;
        self.source.handle().succeeded(taken.accepted, taken.rejected);
        if let Some((text, flaw)) = first {
            let start: String = text.copied().unwrap_or_default().chars().take(120).collect();
            self.reject(rejected, format!("a segment cannot be taken: {}, in `{start}`", flaw.reason));
        }
        if !taken.message.is_empty() {
            self.reject(0, taken.message);
        }
        Ok(())
    }

    /// Tells of what cannot be had.
    fn tell(&self, fetched: &Fetched, lost: u64) {
        if fetched.too_large > 0 {
            let words = "X-Ray says of traces that they are larger than it keeps; parts of them are missing";
            self.reject(0, format!("{words} ({} of them)", fetched.too_large));
        }
        if fetched.empty > 0 {
            self.reject(fetched.empty, "X-Ray gives segments without their documents".to_owned());
        }
        if fetched.other_format > 0 {
            self.reject(
                fetched.other_format,
                "X-Ray gives traces in OTLP's form where segments were asked for; read `aws/spans` in CloudWatch Logs \
                 instead"
                    .to_owned(),
            );
        }
        if lost > 0 {
            let words = "X-Ray told of traces and does not give them, so they were given up";
            self.reject(lost, format!("{words} ({lost} of them)"));
        }
    }

    /// Counts what cannot be taken, and shows why. The source is not failing by it.
    fn reject(&self, count: u64, words: String) {
        self.source.handle().update(|status| {
            status.rejected += count;
            status.last_error = Some(words);
        });
    }
}
