//! What all sources in AWS share: who asks and where, budgets and prices, faults in words, and ranges of the past that a
//! user wants read.
//!
//! Each entry of `[[aws]]` is one region of one account. What is read of it are lines of their own on the Sources page,
//! each a [`Reader`] that [`drive`] runs. Every call goes through [`AwsSource::call`], which waits for its turn under the
//! budget and counts what the call costs.

mod backfill;
mod budget;
mod config;
mod drive;
mod fault;
mod price;
mod region;
mod source;
mod spawn;

pub use backfill::{BackfillError, Backfills, TimeSpan};
pub use config::{ApiLimits, AwsConfig, AwsConfigError, BudgetConfig, problems};
pub use drive::{Reader, drive};
pub use fault::Fault;
pub use region::AwsRegion;
pub use source::AwsSource;
pub use spawn::{Spawned, spawn};
