//! One line of the Sources page, through which all calls for it go.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use sidecarta_queries::api::sources::CloudStatus;

use super::backfill::{Backfill, TimeSpan};
use super::budget::{Budget, Turn};
use super::fault::Fault;
use super::price;
use crate::status::SourceHandle;

/// One line of the Sources page, with the budget that its calls are made under. Clones are one.
#[derive(Clone, Debug)]
pub struct AwsSource {
    key: Arc<str>,
    region: Arc<str>,
    budget: Budget,
    handle: SourceHandle,
    backfill: Backfill,
    /// What a day is expected to cost by each API, US dollars.
    expected: Arc<Mutex<BTreeMap<&'static str, f64>>>,
}

impl AwsSource {
    pub(super) fn new(
        key: String,
        region: &str,
        budget: Budget,
        handle: SourceHandle,
        backfill: Backfill,
    ) -> Self {
        let source = Self {
            key: key.into(),
            region: region.into(),
            budget,
            handle,
            backfill,
            expected: Arc::default(),
        };
        source.show();
        source
    }

    /// Its kind and name: `aws_xray:prod`. Cursors are stored under it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its line on the Sources page.
    pub fn handle(&self) -> &SourceHandle {
        &self.handle
    }

    /// Waits for its turn under the budget, makes a call, and counts it. `action` is IAM's name for the call, such as
    /// `xray:GetTraceSummaries`.
    ///
    /// # Errors
    /// With what went wrong, or at once where the budget of the day is used up.
    pub async fn call<T, E>(
        &self,
        action: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Fault>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        loop {
            match self.budget.turn(&self.key, action, Timestamp::now()) {
                Turn::Now => break,
                Turn::In(wait) => tokio::time::sleep(wait).await,
                Turn::Tomorrow { until, limit } => return Err(Fault::Spent { until, limit }),
            }
        }
        let answer = call.await;
        let result = match answer {
            Ok(answer) => {
                self.budget.speed_up(action);
                Ok(answer)
            }
            Err(error) => {
                let fault = Fault::of(action, &self.region, &error);
                if matches!(fault, Fault::Throttled { .. }) {
                    self.budget.slow_down(action);
                }
                Err(fault)
            }
        };
        self.show();
        result
    }

    /// Counts what a call is billed by: traces that were looked through or fetched, metrics that were asked for.
    pub fn charge(&self, action: &'static str, units: u64) {
        self.budget.charge(&self.key, action, units, Timestamp::now());
        self.show();
    }

    /// Says how often an API will be called in a day as things are, and how many units that will be billed by.
    pub fn expect(&self, action: &'static str, calls_per_day: f64, units_per_day: f64) {
        let usd = price::usd(action, calls_per_day, units_per_day);
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).insert(action, usd);
        self.show();
    }

    /// Says how far what has been read lies behind the present, s.
    pub fn lag(&self, seconds: f64) {
        self.change(|cloud| cloud.lag_seconds = Some(seconds));
    }

    /// The range of the past that a user wants read, until [`AwsSource::backfill_finished`]. It is there again after a
    /// restart.
    pub fn backfill(&self) -> Option<TimeSpan> {
        self.backfill.wanted()
    }

    /// Says how far reading the past has come.
    pub fn backfill_progress(&self, words: String) {
        self.change(|cloud| cloud.backfill = Some(words));
    }

    /// The range has been read and is stored.
    ///
    /// # Errors
    /// Where that cannot be stored. The range is then there again after a restart.
    pub async fn backfill_finished(&self) -> Result<(), Fault> {
        Ok(self.backfill.finish().await?)
    }

    /// Waits until a user wants a range of the past.
    pub(super) async fn backfill_asked(&self) {
        self.backfill.asked().await;
    }

    pub(super) fn set_account(&self, account: &str) {
        self.change(|cloud| cloud.account = Some(account.to_owned()));
    }

    fn change(&self, change: impl FnOnce(&mut CloudStatus)) {
        self.handle.update(|status| change(status.cloud.get_or_insert_default()));
    }

    /// Brings the line up to date.
    pub(super) fn show(&self) {
        let calls = self.budget.calls(&self.key, Timestamp::now());
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner).values().sum();
        self.change(|cloud| {
            self.region.as_ref().clone_into(&mut cloud.region);
            cloud.usd_today = calls.iter().map(|calls| calls.usd_today).sum();
            cloud.usd_per_day_expected = expected;
            cloud.usd_per_day_limit = self.budget.usd_per_day();
            cloud.calls = calls;
        });
    }
}
