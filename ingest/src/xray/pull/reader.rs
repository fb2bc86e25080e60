//! Reads the X-Ray of one region, round by round.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_xray::Client;
use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde::{Deserialize, Serialize};
use sidecarta_queries::rows::SourceCursor;

use super::fetch::{self, Fetched, IDS_AT_ONCE, MAX_BYTES, Way};
use super::progress::{Progress, Rules, Window};
use super::{NS_PER_MS, PullConfig};
use crate::aws::{AwsRegion, AwsSource, Fault, Reader, TimeSpan};
use crate::otlp::Pulled;
use crate::pipeline::Pipeline;
use crate::xray::ids::trace_id;
use crate::xray::{Late, spans};

/// How often it is looked up where the account keeps its traces.
const WAY_KEPT_NS: i64 = 600_000 * NS_PER_MS;
/// How far reading may have moved without a document before that is stored. After a crash so much is looked through again.
const STORED_EVERY_NS: i64 = 600_000 * NS_PER_MS;
/// How much of the past is read in a round.
const PAST_AT_ONCE_NS: i64 = 300_000 * NS_PER_MS;
/// How long a trace may go on before and after an event of it.
const AROUND_NS: i64 = 3_600_000 * NS_PER_MS;
const DAY_SECONDS: f64 = 86_400.0;

/// Reads the X-Ray of one region.
#[derive(Debug)]
pub struct XrayReader {
    puller: Puller,
    live: Progress,
    live_key: String,
    /// How far reading was when that was last stored; none where it never was.
    stored_to_ns: Option<i64>,
    next_live_ns: i64,
    past: Option<Past>,
}

/// A range of the past, and how far it has been read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Past {
    span: TimeSpan,
    progress: Progress,
}

/// Asks and stores, whatever the range.
#[derive(Debug)]
struct Puller {
    client: Client,
    source: AwsSource,
    pipeline: Pipeline,
    config: PullConfig,
    rules: Rules,
    way: Way,
    way_found_ns: Option<i64>,
}

/// What reads the X-Ray of a region, where that is wanted.
pub fn reader(region: &AwsRegion, config: &PullConfig) -> Option<XrayReader> {
    if !config.enabled {
        return None;
    }
    let source = region.source("aws_xray", "");
    let live_key = source.key().to_owned();
    let pipeline = region.pipeline().clone();
    let stored: Option<Progress> = pipeline.restored(&live_key);
    let now_ns = now_ns();
    let before_ns = i64::try_from(config.begin_before_ms).unwrap_or_default() * NS_PER_MS;
    let stored_to_ns = stored.as_ref().map(Progress::read_to_ns);
    let live = stored.unwrap_or_else(|| Progress::begin(now_ns - before_ns, now_ns));
    let puller = Puller {
        client: Client::new(region.sdk()),
        source,
        pipeline,
        config: config.clone(),
        rules: config.rules(),
        way: Way::Classic,
        way_found_ns: None,
    };
    puller.expect(0.0);
    let past = puller.pipeline.restored(&past_key(&live_key));
    Some(XrayReader { puller, live, live_key, stored_to_ns, next_live_ns: now_ns, past })
}

fn past_key(key: &str) -> String {
    format!("{key}:backfill")
}

fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

fn cursor<T: Serialize>(source: String, value: &T) -> SourceCursor {
    // It is made of numbers, and such always serialize.
    SourceCursor { source, position: postcard::to_stdvec(value).unwrap_or_default() }
}

impl Reader for XrayReader {
    fn source(&self) -> &AwsSource {
        &self.puller.source
    }

    async fn round(&mut self) -> Result<Duration, Fault> {
        self.puller.find_way().await?;
        if now_ns() >= self.next_live_ns {
            self.live_round().await?;
        }
        if let Some(span) = self.puller.source.backfill() {
            self.past_round(span).await?;
        }
        if self.puller.source.backfill().is_some() {
            return Ok(Duration::from_millis(self.puller.config.retrieval_poll_ms));
        }
        let left_ns = self.next_live_ns.saturating_sub(now_ns());
        Ok(Duration::from_nanos(u64::try_from(left_ns).unwrap_or_default()))
    }
}

impl XrayReader {
    /// Reads what is new, and stores it.
    async fn live_round(&mut self) -> Result<(), Fault> {
        let (puller, key) = (&self.puller, &self.live_key);
        let mut save = |progress: &Progress| cursor(key.clone(), progress);
        let (mut found, mut seconds) = (0.0, 0.0);
        let mut is_stored = false;
        // The round ends where it is now, however long it takes.
        let end_ns = now_ns();
        while let Some(window) = self.live.window(end_ns, &puller.rules) {
            let (count, stored) = puller.read(&mut self.live, window, &mut save).await?;
            is_stored |= stored;
            if !window.is_look_back {
                found += count;
                seconds += (window.to_ns - window.from_ns) as f64 / 1e9;
            }
        }
        is_stored |= puller.drain(&mut self.live, &mut save).await?;
        let read_to_ns = self.live.read_to_ns();
        if is_stored {
            self.stored_to_ns = Some(read_to_ns);
        }
        if self.stored_to_ns.is_none_or(|stored_ns| read_to_ns - stored_ns >= STORED_EVERY_NS) {
            let cursor = save(&self.live);
            let nothing = ExportTraceServiceRequest::default();
            Pulled::xray_traces(&nothing, Some(cursor)).submit(&puller.pipeline).await?;
            self.stored_to_ns = Some(read_to_ns);
        }
        if seconds > 0.0 {
            puller.expect(found / seconds * DAY_SECONDS);
        }
        puller.source.lag((now_ns() - read_to_ns) as f64 / 1e9);
        // A round without a trace has worked as well.
        puller.source.handle().succeeded(0, 0);
        let interval_ns =
            i64::try_from(puller.config.interval_ms).unwrap_or(i64::MAX / NS_PER_MS) * NS_PER_MS;
        self.next_live_ns = now_ns().saturating_add(interval_ns);
        Ok(())
    }

    /// Reads a piece of the past.
    async fn past_round(&mut self, span: TimeSpan) -> Result<(), Fault> {
        let puller = &self.puller;
        let mut past = match self.past.take() {
            Some(past) if past.span == span => past,
            _ => Past { span, progress: Progress::begin(span.from_ns, span.from_ns) },
        };
        let key = past_key(&self.live_key);
        let mut save = |progress: &Progress| cursor(key.clone(), &Past { span, progress: progress.clone() });
        let from_ns = past.progress.read_to_ns();
        let result = if from_ns < span.to_ns {
            let to_ns = span.to_ns.min(from_ns.saturating_add(PAST_AT_ONCE_NS));
            let window = Window { from_ns, to_ns, is_look_back: false };
            puller.read(&mut past.progress, window, &mut save).await.map(|_| ())
        } else {
            puller.drain(&mut past.progress, &mut save).await.map(|_| ())
        };
        let (read_to_ns, open) = (past.progress.read_to_ns(), past.progress.open());
        self.past = Some(past);
        result?;
        puller.source.backfill_progress(progress_words(span, read_to_ns, open));
        if read_to_ns >= span.to_ns && open == 0 {
            puller.source.backfill_finished().await?;
            self.past = None;
        }
        Ok(())
    }
}

/// How far a range of the past has been read.
fn progress_words(span: TimeSpan, read_to_ns: i64, open: usize) -> String {
    let time = |ns: i64| {
        Timestamp::from_nanosecond(i128::from(ns)).map(|time| format!("{time:.0}")).unwrap_or_default()
    };
    let (from, to) = (time(span.from_ns), time(span.to_ns));
    if read_to_ns < span.to_ns {
        return format!("{from} to {to}: read to {}", time(read_to_ns));
    }
    match open {
        0 => format!("{from} to {to}: all is read"),
        1 => format!("{from} to {to}: waits for the last trace"),
        open => format!("{from} to {to}: waits for the last {open} traces"),
    }
}

/// Makes of how far reading is what is stored of it.
type Save<'a> = dyn FnMut(&Progress) -> SourceCursor + Send + 'a;

impl Puller {
    /// Looks up from time to time where the account keeps its traces. Where that may not be looked up, X-Ray itself is
    /// tried.
    async fn find_way(&mut self) -> Result<(), Fault> {
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
    fn expect(&self, traces: f64) {
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
    async fn read(
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
    async fn drain(&self, progress: &mut Progress, save: &mut Save<'_>) -> Result<bool, Fault> {
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
