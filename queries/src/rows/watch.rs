//! Watches: comparisons of two versions that are judged on and on, and what happens to them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::api::canary::{Outcome, Verdict};
use crate::api::policy::Policy;

/// Two versions of a service that are compared until the policy's time is over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// What it is called in addresses.
    pub id: String,
    /// Name or node id of the service.
    pub service: String,
    /// The version that is known.
    pub baseline: String,
    /// The version that is judged.
    pub candidate: String,
    /// By what it is judged.
    pub policy: Policy,
    /// Start of what is compared, seconds since 1970.
    pub from_s: i64,
    /// Time between two verdicts, seconds.
    pub every_s: u32,
    /// When it was ended, seconds since 1970, if it was.
    pub ended_s: Option<i64>,
    /// The last verdict.
    pub last: Option<LastVerdict>,
}

/// The last verdict of a watch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastVerdict {
    /// When, seconds since 1970.
    pub at_s: i64,
    /// In one word.
    pub result: Outcome,
    /// In one sentence.
    pub summary: String,
}

impl Watch {
    /// When the policy's time is over, seconds since 1970.
    pub fn until_s(&self) -> i64 {
        self.from_s + i64::from(self.policy.longest_s)
    }

    /// When it is to be judged next, seconds since 1970; never where it has ended.
    pub fn due_s(&self) -> Option<i64> {
        let last = self.last.as_ref().map_or(self.from_s, |last| last.at_s);
        self.ended_s.is_none().then(|| last + i64::from(self.every_s))
    }
}

/// What happens to a watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchEvent {
    /// Somebody wants it.
    Registered(Box<Watch>),
    /// It was judged.
    Judged {
        /// Which one.
        id: String,
        /// When, seconds since 1970.
        at_s: i64,
        /// Whether that was the last time.
        is_last: bool,
        /// What was found, with everything that it was found by.
        verdict: Box<Verdict>,
    },
    /// Nobody wants it any more.
    Ended {
        /// Which one.
        id: String,
        /// When, seconds since 1970.
        at_s: i64,
    },
}

/// A verdict as the row of the table `verdicts`.
///
/// # Errors
/// Only where the columns do not fit together, which would be a defect of this module.
pub(crate) fn verdict_columns(watch: &str, at_s: i64, verdict: &Verdict) -> Result<RecordBatch, ArrowError> {
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let count = |count: u64| Arc::new(UInt64Array::from(vec![count])) as ArrayRef;
    let number = |number: Option<f64>| Arc::new(Float64Array::from(vec![number])) as ArrayRef;
    let time = |ns: i64| Arc::new(Int64Array::from(vec![ns])) as ArrayRef;
    let ns = |text: &str| {
        let time = text.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_nanosecond);
        i64::try_from(time).unwrap_or_default()
    };
    let errors = verdict.checks.first().cloned().unwrap_or_default();
    let columns: [(&str, ArrayRef); 17] = [
        ("time_ns", time(at_s.saturating_mul(1_000_000_000))),
        ("watch", text(watch)),
        ("service", text(&verdict.service)),
        ("baseline", text(&verdict.baseline)),
        ("candidate", text(&verdict.candidate)),
        ("from_ns", time(ns(&verdict.from))),
        ("to_ns", time(ns(&verdict.to))),
        ("result", text(verdict.result.name())),
        ("summary", text(&verdict.summary)),
        ("baseline_requests", count(errors.baseline.requests)),
        ("baseline_errors", count(errors.baseline.errors)),
        ("candidate_requests", count(errors.candidate.requests)),
        ("candidate_errors", count(errors.candidate.errors)),
        ("difference", number(Some(errors.difference))),
        ("difference_low", number(errors.interval.low)),
        ("difference_high", number(errors.interval.high)),
        ("verdict", text(&serde_json::to_string(verdict).unwrap_or_default())),
    ];
    RecordBatch::try_from_iter(columns)
}
