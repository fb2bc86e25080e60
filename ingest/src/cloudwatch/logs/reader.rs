//! Reads one log group: what is new, and pieces of the past that a user wants.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use jiff::Timestamp;

use super::config::LogGroupConfig;
use super::event::Event;
use super::keep::{Keeper, Kept};
use super::past::Past;
use super::position::{IDS, Live, Mark, Window, fresh, narrower, wider};
use crate::access_log::AccessLogConfigError;
use crate::aws::{AwsRegion, AwsSource, Fault, Reader, TimeSpan};

/// By IAM's name.
const ACTION: &str = "logs:FilterLogEvents";

/// Pages of the past that are read before what is new is looked at again.
const PAGES_OF_PAST: u64 = 20;

/// How often the position of a group is stored that brings nothing, ms.
const POSITION_KEPT_EVERY_MS: i64 = 600_000;

/// Reads one log group.
#[derive(Debug)]
pub struct LogGroupReader {
    config: LogGroupConfig,
    client: Client,
    source: AwsSource,
    keeper: Keeper,
    /// Under which the positions are stored.
    keys: Keys,
    live: Option<Live>,
    past: Past,
    width_ms: i64,
    pages: u64,
    /// Where the position was stored last, ms since 1970.
    kept_from_ms: i64,
    total: Kept,
    without_room: u64,
    late_lost_ms: i64,
}

#[derive(Clone, Debug)]
struct Keys {
    live: String,
    past: String,
}

/// How reading a piece of time has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scanned {
    Wholly,
    /// There is more in it than can be remembered; a piece of this width is to be read first, ms.
    Partly(i64),
}

/// How far reading a range of the past has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    GoesOn,
    IsDone,
    /// There are too many ranges to remember one more.
    HasNoRoom,
}

impl LogGroupReader {
    /// A reader that goes on where the last one has ended.
    ///
    /// # Errors
    /// If the format of an access log is none.
    pub fn new(region: &AwsRegion, config: &LogGroupConfig) -> Result<Self, AccessLogConfigError> {
        let source = region.source("aws_logs", config.called());
        let keys = Keys { live: source.key().to_owned(), past: format!("{}:backfill", source.key()) };
        let live: Option<Live> = region.pipeline().restored(&keys.live);
        let past = region.pipeline().restored(&keys.past);
        source.expect(ACTION, 86_400_000.0 / config.interval_ms.max(1) as f64, 0.0);
        Ok(Self {
            config: config.clone(),
            client: Client::new(region.sdk()),
            keeper: Keeper::new(config, region.region(), region.pipeline())?,
            source,
            keys,
            kept_from_ms: live.as_ref().map_or(0, |live| live.from_ms),
            live,
            past: past.unwrap_or_default(),
            width_ms: i64::MAX,
            pages: 0,
            total: Kept::default(),
            without_room: 0,
            late_lost_ms: 0,
        })
    }

    /// Reads from the position to the present.
    async fn read_new(&mut self) -> Result<(), Fault> {
        let mut live = match self.live.take() {
            Some(live) => live,
            None => self.begin().await?,
        };
        let result = self.read_up_to_now(&mut live).await;
        self.live = Some(live);
        result
    }

    /// Where a group is read for the first time, that is stored before anything is read: from then on nothing is passed
    /// over.
    async fn begin(&mut self) -> Result<Live, Fault> {
        let lookback_ms = i64::try_from(self.config.lookback_ms).unwrap_or(i64::MAX);
        let live = Live::new(now_ms().saturating_sub(lookback_ms).max(0));
        self.keeper.store_mark(&live, &self.keys.live).await?;
        self.kept_from_ms = live.from_ms;
        Ok(live)
    }

    async fn read_up_to_now(&mut self, live: &mut Live) -> Result<(), Fault> {
        let key = self.keys.live.clone();
        let now_ms = now_ms();
        let overlap_ms = i64::try_from(self.config.overlap_ms).unwrap_or(i64::MAX);
        let settled_ms = now_ms.saturating_sub(overlap_ms);
        let mut at_ms = live.from_ms;
        let mut lost_ms = 0;
        while let Some(window) = Window::new(at_ms, self.width_ms, now_ms) {
            match self.scan(live, &key, window).await? {
                Scanned::Partly(width_ms) => self.width_ms = width_ms,
                Scanned::Wholly => {
                    at_ms = window.to_ms + 1;
                    lost_ms += live.advance(at_ms, settled_ms, IDS);
                    self.width_ms = wider(live, self.width_ms, IDS);
                    self.source.lag(now_ms.saturating_sub(window.to_ms) as f64 / 1e3);
                }
            }
        }
        self.late_lost_ms = lost_ms;
        if live.from_ms.saturating_sub(self.kept_from_ms) > POSITION_KEPT_EVERY_MS {
            self.keeper.store_mark(live, &key).await?;
            self.kept_from_ms = live.from_ms;
        }
        Ok(())
    }

    /// Reads pieces of the past for a while; whether more of it is wanted.
    async fn read_past(&mut self, span: TimeSpan) -> Result<bool, Fault> {
        let began_ms = self.live.as_ref().map_or(0, |live| live.began_ms);
        // Whole milliseconds that lie in the range.
        let (from_ms, to_ms) = (first_ms(span.from_ns), first_ms(span.to_ns).min(began_ms));
        let mut past = std::mem::take(&mut self.past);
        let result = self.read_range(&mut past, from_ms, to_ms).await;
        self.past = past;
        let words = match result? {
            Reading::GoesOn => return Ok(true),
            Reading::HasNoRoom => "not read: too many separate ranges have been read already".to_owned(),
            Reading::IsDone if first_ms(span.to_ns) > began_ms => {
                format!("read up to {}, from where on the group is read anyway", at(began_ms))
            }
            Reading::IsDone => "read".to_owned(),
        };
        self.source.backfill_finished().await?;
        self.source.backfill_progress(words);
        Ok(self.source.backfill().is_some())
    }

    async fn read_range(&mut self, past: &mut Past, from_ms: i64, to_ms: i64) -> Result<Reading, Fault> {
        let key = self.keys.past.clone();
        let mut width_ms = i64::MAX;
        let last_page = self.pages + PAGES_OF_PAST;
        while let Some((begins_ms, ends_ms)) = past.next(from_ms, to_ms) {
            if !past.has_room() {
                return Ok(Reading::HasNoRoom);
            }
            if self.pages >= last_page {
                return Ok(Reading::GoesOn);
            }
            let Some(window) = Window::new(begins_ms, width_ms, ends_ms - 1) else { break };
            self.source.backfill_progress(format!("{} of {} to {}", at(begins_ms), at(from_ms), at(to_ms)));
            match self.scan(past, &key, window).await? {
                Scanned::Partly(narrower_ms) => width_ms = narrower_ms,
                Scanned::Wholly => {
                    let mut next = past.clone();
                    next.finish(window.from_ms, window.to_ms + 1);
                    self.keeper.store_mark(&next, &key).await?;
                    *past = next;
                    width_ms = wider(past, width_ms, IDS);
                }
            }
        }
        Ok(Reading::IsDone)
    }

    /// Reads a piece of time page by page, and stores of each page what is not stored yet.
    async fn scan<M: Mark>(&mut self, mark: &mut M, key: &str, window: Window) -> Result<Scanned, Fault> {
        let mut token: Option<String> = None;
        loop {
            let (events, next) = self.page(window, token.as_deref()).await?;
            let fresh = fresh(mark, window, events, IDS);
            self.without_room += fresh.without_room;
            let kept = self.keeper.store(fresh.events, mark, key).await?;
            self.source.handle().succeeded(kept.accepted, kept.rejected + fresh.without_room);
            self.total.add(kept);
            self.tell();
            // Pages may be empty, and more may come behind them: only an answer without a token is the last.
            if next.is_none() {
                return Ok(Scanned::Wholly);
            }
            if let Some(width_ms) = narrower(mark, window, IDS) {
                return Ok(Scanned::Partly(width_ms));
            }
            token = next;
        }
    }

    async fn page(
        &mut self,
        window: Window,
        token: Option<&str>,
    ) -> Result<(Vec<Event>, Option<String>), Fault> {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let call = self
            .client
            .filter_log_events()
            .start_time(window.from_ms)
            .end_time(window.to_ms)
            .set_log_stream_name_prefix(text(&self.config.stream_prefix))
            .set_filter_pattern(text(&self.config.filter_pattern))
            .set_next_token(token.map(str::to_owned));
        let group = &self.config.group;
        let call = if group.starts_with("arn:") {
            call.log_group_identifier(group.strip_suffix(":*").unwrap_or(group))
        } else {
            call.log_group_name(group)
        };
        let answer = self.source.call(ACTION, call.send()).await?;
        self.pages += 1;
        let next = answer.next_token.filter(|next| !next.is_empty());
        if next.is_some() && next.as_deref() == token {
            return Err(Fault::Refused {
                api: "FilterLogEvents".to_owned(),
                code: "NextToken".to_owned(),
                message: "the answer leads back to itself".to_owned(),
            });
        }
        let events = answer.events.unwrap_or_default();
        Ok((events.into_iter().filter_map(Event::of).collect(), next))
    }

    /// Says what is wrong with what is read.
    fn tell(&self) {
        let Kept { accepted, rejected, example } = &self.total;
        let unread = (*rejected > 0).then(|| {
            let of = accepted + rejected;
            let example = example.as_deref().unwrap_or_default();
            format!("{rejected} of {of} events could not be read and are kept raw, such as: {example}")
        });
        let room = (self.without_room > 0)
            .then(|| format!("{} events were left out: there are too many in one second", self.without_room));
        let late = (self.late_lost_ms > 0).then(|| {
            format!(
                "so many events come that late ones are waited for {} s less than configured",
                self.late_lost_ms / 1_000
            )
        });
        let remarks: Vec<String> = [unread, room, late].into_iter().flatten().collect();
        let detail = (!remarks.is_empty()).then(|| remarks.join("; "));
        self.source.handle().update(|status| status.detail = detail);
    }
}

impl Reader for LogGroupReader {
    fn source(&self) -> &AwsSource {
        &self.source
    }

    async fn round(&mut self) -> Result<Duration, Fault> {
        self.read_new().await?;
        if let Some(span) = self.source.backfill()
            && self.read_past(span).await?
        {
            return Ok(Duration::ZERO);
        }
        Ok(Duration::from_millis(self.config.interval_ms))
    }
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The first whole millisecond not before, ms since 1970.
fn first_ms(ns: i64) -> i64 {
    ns.div_euclid(1_000_000) + i64::from(ns.rem_euclid(1_000_000) > 0)
}

fn at(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| format!("{time:.0}"))
}
