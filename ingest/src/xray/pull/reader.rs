//! Reads the X-Ray of one region, round by round.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde::{Deserialize, Serialize};
use sidecarta_queries::rows::SourceCursor;

use super::progress::{Progress, Window};
use super::puller::{DAY_SECONDS, Puller, now_ns};
use super::{NS_PER_MS, PullConfig};
use crate::aws::{AwsRegion, AwsSource, Fault, Reader, TimeSpan};
use crate::otlp::Pulled;

/// How far reading may have moved without a document before that is stored. After a crash so much is looked through again.
const STORED_EVERY_NS: i64 = 600_000 * NS_PER_MS;
/// How much of the past is read in a round at least and at most: as much as keeps what is new waiting for a short time.
const PAST_AT_ONCE_NS: [i64; 2] = [1_000 * NS_PER_MS, 300_000 * NS_PER_MS];
/// How long a round may read the past, about.
const PAST_ROUND: Duration = Duration::from_secs(5);

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
    /// How much of the past the next round reads.
    past_at_once_ns: i64,
}

/// A range of the past, and how far it has been read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Past {
    span: TimeSpan,
    progress: Progress,
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
    let puller = Puller::new(region, source, config);
    let past = puller.pipeline.restored(&past_key(&live_key));
    let past_at_once_ns = PAST_AT_ONCE_NS[0];
    Some(XrayReader { puller, live, live_key, stored_to_ns, next_live_ns: now_ns, past, past_at_once_ns })
}

fn past_key(key: &str) -> String {
    format!("{key}:backfill")
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
            let to_ns = span.to_ns.min(from_ns.saturating_add(self.past_at_once_ns));
            let window = Window { from_ns, to_ns, is_look_back: false };
            let begun = Instant::now();
            let result = puller.read(&mut past.progress, window, &mut save).await.map(|_| ());
            self.past_at_once_ns = next_piece(self.past_at_once_ns, begun.elapsed());
            result
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

/// How much of the past to read next, where so much took so long: twice as much or half, whichever way it is too far off.
fn next_piece(piece_ns: i64, took: Duration) -> i64 {
    let [least, most] = PAST_AT_ONCE_NS;
    if took > PAST_ROUND {
        (piece_ns / 2).max(least)
    } else if took < PAST_ROUND / 2 {
        (piece_ns * 2).min(most)
    } else {
        piece_ns
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dense_past_is_read_in_smaller_pieces_and_a_thin_one_in_larger() {
        let (quick, slow) = (Duration::from_millis(10), Duration::from_mins(1));
        let [least, most] = PAST_AT_ONCE_NS;
        assert_eq!((0..20).fold(least, |piece, _| next_piece(piece, quick)), most);
        assert_eq!((0..20).fold(most, |piece, _| next_piece(piece, slow)), least);
        assert_eq!(next_piece(least, PAST_ROUND), least);
    }
}
