//! Events on their way into the store, together with how far their group has been read.

use std::mem;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use sidecarta_queries::rows::SourceCursor;
use sidecarta_queries::rows::access_log::AccessLogBatch;

use super::application::{Application, raw_lines};
use super::config::{LogGroupConfig, LogKind};
use super::event::Event;
use super::position::Mark;
use super::span::spans;
use crate::access_log::{AccessLogConfigError, LineParser, submit_batch};
use crate::aws::Fault;
use crate::otlp::Pulled;
use crate::pipeline::Pipeline;

/// Events that are stored at once.
const AT_ONCE: usize = 2_000;

/// Characters that are shown of a line.
const SHOWN: usize = 160;

/// Stores what is read of one group.
#[derive(Debug)]
pub(super) struct Keeper {
    lines: Lines,
    region: String,
    group: String,
    pipeline: Pipeline,
}

#[derive(Debug)]
enum Lines {
    AccessLog(Box<LineParser>),
    Spans,
    Application(Application),
}

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) accepted: u64,
    /// Those that could not be read; they are kept as they came, where that is possible.
    pub(super) rejected: u64,
    /// One that could not be read.
    pub(super) example: Option<String>,
}

impl Kept {
    pub(super) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.example = other.example.or(self.example.take());
    }

    fn reject(&mut self, words: &str, times: u64) {
        self.rejected += times;
        let mut example: String = words.escape_default().take(SHOWN).collect();
        if example.len() == SHOWN {
            example.push('…');
        }
        self.example = Some(example);
    }
}

impl Keeper {
    pub(super) fn new(
        config: &LogGroupConfig,
        region: &str,
        pipeline: &Pipeline,
    ) -> Result<Self, AccessLogConfigError> {
        let lines = match config.kind {
            LogKind::AccessLog => Lines::AccessLog(Box::new(LineParser::new(&config.access_log())?)),
            LogKind::Spans => Lines::Spans,
            LogKind::Application => Lines::Application(Application::new(config, region)),
        };
        let group = config.group_name().to_owned();
        Ok(Self { lines, region: region.to_owned(), group, pipeline: pipeline.clone() })
    }

    /// Stores events that are new, and remembers them in the mark once they are durable.
    pub(super) async fn store<M: Mark>(
        &self,
        mut events: Vec<Event>,
        mark: &mut M,
        key: &str,
    ) -> Result<Kept, Fault> {
        let mut kept = Kept::default();
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(AT_ONCE));
            let now = mem::replace(&mut events, rest);
            kept.add(match &self.lines {
                Lines::AccessLog(parser) => self.store_requests(parser, &now, mark, key).await?,
                Lines::Spans => self.store_spans(now, mark, key).await?,
                Lines::Application(application) => {
                    self.store_records(&application.request(&now), &now, mark, key).await?
                }
            });
        }
        Ok(kept)
    }

    /// Stores how far the group has been read, without anything else.
    pub(super) async fn store_mark<M: Mark>(&self, mark: &M, key: &str) -> Result<(), Fault> {
        let request = ExportLogsServiceRequest::default();
        Pulled::cloudwatch_logs(&request, Some(cursor(mark, key))).submit(&self.pipeline).await?;
        Ok(())
    }

    async fn store_requests<M: Mark>(
        &self,
        parser: &LineParser,
        events: &[Event],
        mark: &mut M,
        key: &str,
    ) -> Result<Kept, Fault> {
        let mut kept = Kept::default();
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let time_ns = i64::try_from(event.time_ns()).unwrap_or(i64::MAX);
            let Some(mut row) = parser.parse(event.message.as_bytes(), time_ns) else { continue };
            if row.raw.is_empty() {
                kept.accepted += 1;
            } else {
                kept.reject(&row.raw, 1);
            }
            row.attributes.push(("aws.log.stream.names".to_owned(), event.stream.clone()));
            rows.push(row);
        }
        let next = with(mark, events);
        let cursor = Some(cursor(&next, key));
        submit_batch(&self.pipeline, AccessLogBatch { rows, cursor }).await?;
        *mark = next;
        Ok(kept)
    }

    async fn store_spans<M: Mark>(&self, events: Vec<Event>, mark: &mut M, key: &str) -> Result<Kept, Fault> {
        let (request, unread) = spans(&events);
        let mut kept = Kept::default();
        if let Some(event) = unread.last() {
            // Log records are stored as often as they come, so they have a submission of their own with their own ids.
            self.store_records(&raw_lines(&self.group, &self.region, &unread), &unread, mark, key).await?;
            kept.reject(&event.message, unread.len() as u64);
        }
        let next = with(mark, &events);
        let taken = Pulled::xray_traces(&request, Some(cursor(&next, key))).submit(&self.pipeline).await?;
        *mark = next;
        kept.accepted += taken.accepted;
        if taken.rejected > 0 {
            kept.reject(&taken.message, taken.rejected);
        }
        Ok(kept)
    }

    async fn store_records<M: Mark>(
        &self,
        request: &ExportLogsServiceRequest,
        events: &[Event],
        mark: &mut M,
        key: &str,
    ) -> Result<Kept, Fault> {
        let next = with(mark, events);
        let taken = Pulled::cloudwatch_logs(request, Some(cursor(&next, key))).submit(&self.pipeline).await?;
        *mark = next;
        let mut kept = Kept { accepted: taken.accepted, ..Kept::default() };
        if taken.rejected > 0 {
            kept.reject(&taken.message, taken.rejected);
        }
        Ok(kept)
    }
}

/// The mark as it is once these events are stored.
fn with<M: Mark>(mark: &M, events: &[Event]) -> M {
    let mut next = mark.clone();
    for event in events {
        next.seen_mut().insert(event.time_ms, event.id);
    }
    next
}

fn cursor<M: Mark>(mark: &M, key: &str) -> SourceCursor {
    // It is made of numbers, and such always serialize.
    SourceCursor { source: key.to_owned(), position: postcard::to_stdvec(mark).unwrap_or_default() }
}
