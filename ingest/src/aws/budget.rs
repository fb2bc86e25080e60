//! How often a region may be asked, and what that may cost: by the second and by the day.
//!
//! What was asked today is stored with the data, so that a process that starts again and again keeps to its budget too.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sidecarta_queries::api::sources::CloudCalls;

use super::config::BudgetConfig;
use super::price;

/// How much rarer an API is called at most because AWS said that it is too often.
const SLOWEST: f64 = 64.0;

/// What one source has asked of one API, today by UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) calls: u64,
    /// What the calls are billed by.
    pub(super) units: u64,
}

/// What was asked of a region on one day, by source and by IAM's name of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Day {
    /// Days since 1970.
    number: i64,
    asked: BTreeMap<(String, String), Asked>,
}

/// Whether a call may be made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// Now.
    Now,
    /// After a while.
    In(Duration),
    /// Not today.
    Tomorrow {
        /// When the next day begins.
        until: Timestamp,
        /// What is used up, in words.
        limit: String,
    },
}

/// The budget of one region. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    limits: Arc<BudgetConfig>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    day: Day,
    /// When each API may be called next, and how many times rarer than configured.
    pace: HashMap<&'static str, (Instant, f64)>,
    is_changed: bool,
}

impl Budget {
    /// A budget of which this much is used up.
    pub(super) fn new(limits: &BudgetConfig, day: Day) -> Self {
        let state = State { day, ..State::default() };
        Self { limits: Arc::new(limits.clone()), state: Arc::new(Mutex::new(state)) }
    }

    /// Takes a turn for a call, if there is one now.
    pub(super) fn turn(&self, source: &str, action: &'static str, now: Timestamp) -> Turn {
        let mut state = self.lock();
        state.begin_day(now);
        if let Some(limit) = self.used_up(&state.day, action) {
            return Turn::Tomorrow { until: next_day(state.day.number), limit };
        }
        let interval = Duration::from_secs_f64(1.0 / self.per_second(action));
        let (next, slower) = state.pace.entry(action).or_insert_with(|| (Instant::now(), 1.0));
        let wait = next.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            return Turn::In(wait);
        }
        *next = Instant::now() + interval.mul_f64(*slower);
        state.count(source, action, Asked { calls: 1, units: 0 });
        Turn::Now
    }

    /// Counts what a call is billed by.
    pub(super) fn charge(&self, source: &str, action: &str, units: u64, now: Timestamp) {
        let mut state = self.lock();
        state.begin_day(now);
        state.count(source, action, Asked { calls: 0, units });
    }

    /// AWS says that it is asked too often: twice as rarely from now on.
    pub(super) fn slow_down(&self, action: &'static str) {
        let interval = Duration::from_secs_f64(1.0 / self.per_second(action));
        let mut state = self.lock();
        let (next, slower) = state.pace.entry(action).or_insert_with(|| (Instant::now(), 1.0));
        *slower = (*slower * 2.0).min(SLOWEST);
        *next = Instant::now() + interval.mul_f64(*slower);
    }

    /// A call went through: a tenth more often again, up to what is configured.
    pub(super) fn speed_up(&self, action: &'static str) {
        if let Some((_, slower)) = self.lock().pace.get_mut(action) {
            *slower = (*slower * 0.9).max(1.0);
        }
    }

    /// What a source has asked today, most calls first.
    pub(super) fn calls(&self, source: &str, now: Timestamp) -> Vec<CloudCalls> {
        let mut state = self.lock();
        state.begin_day(now);
        let asked = state.day.asked.iter().filter(|((by, _), _)| by == source);
        let mut calls: Vec<CloudCalls> = asked
            .map(|((_, action), asked)| CloudCalls {
                api: api_of(action).to_owned(),
                today: asked.calls,
                limit_per_day: self.per_day(action),
                usd_today: price::usd(action, asked.calls as f64, asked.units as f64),
            })
            .collect();
        calls.sort_by(|one, other| other.today.cmp(&one.today).then_with(|| one.api.cmp(&other.api)));
        calls
    }

    /// What a day may cost, US dollars.
    pub(super) fn usd_per_day(&self) -> f64 {
        self.limits.usd_per_day
    }

    /// What was asked today, if that has changed since it was taken last.
    pub(super) fn take_changed(&self) -> Option<Day> {
        let mut state = self.lock();
        std::mem::take(&mut state.is_changed).then(|| state.day.clone())
    }

    fn used_up(&self, day: &Day, action: &str) -> Option<String> {
        let of_action = day.asked.iter().filter(|((_, asked), _)| asked == action);
        let calls: u64 = of_action.map(|(_, asked)| asked.calls).sum();
        let per_day = self.per_day(action);
        if calls >= per_day {
            return Some(format!("the {per_day} calls of {} that a day may have", api_of(action)));
        }
        let usd_per_day = self.limits.usd_per_day;
        (price::is_billed(action) && day.usd() >= usd_per_day)
            .then(|| format!("the {usd_per_day:.2} US dollars that a day may cost"))
    }

    fn per_second(&self, action: &str) -> f64 {
        let own = self.limits.api.get(api_of(action)).and_then(|limits| limits.calls_per_second);
        own.unwrap_or(self.limits.calls_per_second)
    }

    fn per_day(&self, action: &str) -> u64 {
        let own = self.limits.api.get(api_of(action)).and_then(|limits| limits.calls_per_day);
        own.unwrap_or(self.limits.calls_per_day)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin_day(&mut self, now: Timestamp) {
        let number = day_number(now);
        // A clock that goes back does not begin a day anew.
        if number > self.day.number {
            self.day = Day { number, ..Day::default() };
            self.is_changed = true;
        }
    }

    fn count(&mut self, source: &str, action: &str, more: Asked) {
        let asked = self.day.asked.entry((source.to_owned(), action.to_owned())).or_default();
        asked.calls += more.calls;
        asked.units += more.units;
        self.is_changed = true;
    }
}

impl Day {
    fn usd(&self) -> f64 {
        let asked = self.asked.iter();
        asked.map(|((_, action), asked)| price::usd(action, asked.calls as f64, asked.units as f64)).sum()
    }
}

/// `GetTraceSummaries` of `xray:GetTraceSummaries`.
pub(super) fn api_of(action: &str) -> &str {
    action.split_once(':').map_or(action, |(_, api)| api)
}

fn day_number(time: Timestamp) -> i64 {
    time.as_second().div_euclid(86_400)
}

fn next_day(number: i64) -> Timestamp {
    Timestamp::from_second((number + 1) * 86_400).unwrap_or(Timestamp::MAX)
}

/// A time as people read it: `00:00 UTC`.
pub(super) fn clock_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::config::ApiLimits;
    use super::*;

    const SUMMARIES: &str = "xray:GetTraceSummaries";
    const LOGS: &str = "logs:FilterLogEvents";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn budget(usd_per_day: f64, per_day: u64) -> Budget {
        let api = BTreeMap::from([(
            "FilterLogEvents".to_owned(),
            ApiLimits { calls_per_day: Some(per_day), calls_per_second: Some(1e9) },
        )]);
        Budget::new(
            &BudgetConfig { usd_per_day, calls_per_second: 1e9, api, ..BudgetConfig::default() },
            Day::default(),
        )
    }

    #[test]
    fn a_day_has_so_many_calls_and_the_next_one_too() {
        let budget = budget(1.0, 2);
        let today = at("2026-11-24T10:00:00Z");
        for source in ["one", "other"] {
            assert_eq!(budget.turn(source, LOGS, today), Turn::Now);
        }
        let Turn::Tomorrow { until, limit } = budget.turn("one", LOGS, today) else { panic!("a third call") };
        assert_eq!((until, clock_time(until)), (at("2026-11-25T00:00:00Z"), "00:00 UTC".to_owned()));
        assert_eq!(limit, "the 2 calls of FilterLogEvents that a day may have");
        assert_eq!(budget.turn("one", LOGS, until), Turn::Now);
        assert_eq!(budget.calls("one", until)[0].today, 1);
    }

    #[test]
    fn what_costs_ends_with_the_money_and_the_rest_goes_on() {
        let budget = budget(0.01, 100);
        let today = at("2026-11-24T10:00:00Z");
        assert_eq!(budget.turn("one", SUMMARIES, today), Turn::Now);
        budget.charge("one", SUMMARIES, 20_000, today);
        assert!(matches!(budget.turn("other", SUMMARIES, today), Turn::Tomorrow { .. }));
        assert_eq!(budget.turn("other", LOGS, today), Turn::Now);
        let calls = budget.calls("one", today);
        assert_eq!((&*calls[0].api, calls[0].today), ("GetTraceSummaries", 1));
        assert!((calls[0].usd_today - 0.01).abs() < 1e-12);
    }

    #[test]
    fn what_was_asked_is_known_after_a_restart() {
        let today = at("2026-11-24T10:00:00Z");
        let first = budget(1.0, 1);
        assert_eq!(first.turn("one", LOGS, today), Turn::Now);
        let day = first.take_changed().unwrap();
        assert_eq!(first.take_changed(), None);
        let stored = postcard::to_stdvec(&day).unwrap();
        let again = Budget::new(&first.limits, postcard::from_bytes(&stored).unwrap());
        assert!(matches!(again.turn("one", LOGS, today), Turn::Tomorrow { .. }));
    }

    #[test]
    fn who_is_told_to_slow_down_does_and_recovers() {
        let budget =
            Budget::new(&BudgetConfig { calls_per_second: 10.0, ..BudgetConfig::default() }, Day::default());
        let today = at("2026-11-24T10:00:00Z");
        assert_eq!(budget.turn("one", LOGS, today), Turn::Now);
        let Turn::In(wait) = budget.turn("one", LOGS, today) else { panic!("two calls at once") };
        assert!(wait <= Duration::from_millis(100));
        budget.slow_down(LOGS);
        budget.slow_down(LOGS);
        let slower = || budget.lock().pace[LOGS].1;
        assert!((slower() - 4.0).abs() < 1e-9);
        (0..20).for_each(|_| budget.speed_up(LOGS));
        assert!((slower() - 1.0).abs() < 1e-9);
    }
}
