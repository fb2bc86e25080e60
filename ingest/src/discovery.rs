//! Where targets come from: fixed addresses, files, HTTP servers and DNS, each asked again and again, so that targets come
//! and go without a restart.
//!
//! Every source gives its whole list in a `watch` channel. [`diff`] compares merged lists, and [`Targets`] starts a task
//! for what is new and ends the task of what is gone. A source that fails keeps its last good list and says why in its
//! line of the Sources page.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod changes;
mod config;
mod dns;
mod file;
mod group;
mod http;
mod report;
mod supervisor;
mod target;

pub use self::changes::{Changes, Merged, TargetRules, diff, merge};
pub use self::config::{DiscoveryConfig, DnsConfig, FileConfig, HttpConfig, RecordType};
pub use self::dns::{DnsError, Resolver};
pub use self::file::{FileError, Files, PatternError};
pub use self::group::{GroupsError, TargetGroup, TextForm, read_groups};
pub use self::http::{HttpSdError, HttpServer, ServerUrl, UrlError};
use self::report::Report;
pub use self::supervisor::Targets;
pub use self::target::{DiscoveredTarget, TargetError, TargetKey};
pub use crate::http_get::{GetError, GetLimits};
use crate::status::SourceBook;

/// The whole list of one source, as it is now.
pub type TargetList = Arc<[DiscoveredTarget]>;

/// A list that never changes.
pub fn fixed(targets: Vec<DiscoveredTarget>) -> watch::Receiver<TargetList> {
    // The value stays readable after its sender is gone.
    watch::Sender::new(TargetList::from(targets)).subscribe()
}

/// Starts a task for each file pattern, server and DNS name of the configuration, and gives the list of each.
///
/// Each has a line in `sources` from now on, of kind `discovery`. The tasks end with the shutdown.
///
/// # Errors
/// With every bad value of the configuration, in words.
pub fn spawn(
    config: &DiscoveryConfig,
    sources: &SourceBook,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<Vec<watch::Receiver<TargetList>>, Vec<String>> {
    let problems = config.problems("discovery");
    if !problems.is_empty() {
        return Err(problems);
    }
    let limit = config.max_targets;
    let mut lists = Vec::new();
    for file in &config.file {
        let report = Report::new(sources, &file.name());
        let every = Duration::from_millis(file.interval_ms);
        let files = Files::new(&file.paths, limit, file.max_file_bytes, &file.name());
        lists.push(start(tasks, shutdown, |list| file::run(files, every, report, list)));
    }
    for server in &config.http {
        let report = Report::new(sources, &server.name());
        let every = Duration::from_millis(server.interval_ms);
        let client = HttpServer::new(server, limit).map_err(|error| vec![error.to_string()])?;
        lists.push(start(tasks, shutdown, |list| http::run(client, every, report, list)));
    }
    for dns in &config.dns {
        let report = Report::new(sources, &dns.name());
        let every = Duration::from_millis(dns.interval_ms);
        let resolver = Resolver::new(dns, limit).map_err(|error| vec![format!("{}: {error}", dns.name())])?;
        lists.push(start(tasks, shutdown, |list| dns::run(resolver, every, report, list)));
    }
    Ok(lists)
}

fn start<F: Future<Output = ()> + Send + 'static>(
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
    source: impl FnOnce(watch::Sender<TargetList>) -> F,
) -> watch::Receiver<TargetList> {
    let (sender, receiver) = watch::channel(TargetList::default());
    let running = source(sender);
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        shutdown.run_until_cancelled(running).await;
    });
    receiver
}

/// What one look at a source gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The whole list; nothing where the last one stays.
    pub targets: Option<Vec<DiscoveredTarget>>,
    /// Entries that are no targets, with the reason in words, the first few of them.
    pub refused: Vec<String>,
    /// How many entries were refused.
    pub refused_count: u64,
    /// Targets beyond the limit, which were left out.
    pub over_limit: u64,
    /// Why the source, or a part of it, could not be read and what that means, in words.
    pub failures: Vec<String>,
    /// What was looked at, in words.
    pub looked_at: String,
}

/// How many refused entries are told in words.
const TOLD_REFUSALS: usize = 3;

impl Found {
    /// Takes the targets of some groups, within a limit and each once.
    fn of_groups<'a>(
        groups: impl IntoIterator<Item = &'a TargetGroup>,
        limit: usize,
        discovery: &str,
    ) -> Self {
        let mut found = Self::default();
        let mut targets = BTreeSet::new();
        for group in groups {
            for address in &group.targets {
                match DiscoveredTarget::new(address, &group.labels, discovery) {
                    Ok(target) if targets.contains(&target) => {}
                    Ok(_) if targets.len() >= limit => found.over_limit += 1,
                    Ok(target) => {
                        targets.insert(target);
                    }
                    Err(error) => found.refuse(error.to_string()),
                }
            }
        }
        found.targets = Some(targets.into_iter().collect());
        found
    }

    fn refuse(&mut self, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < TOLD_REFUSALS {
            self.refused.push(reason);
        }
    }
}

/// Hands a new list on, if it is one.
fn publish(list: &watch::Sender<TargetList>, targets: Option<Vec<DiscoveredTarget>>) {
    if let Some(targets) = targets {
        list.send_if_modified(|known| {
            let is_new = **known != *targets;
            if is_new {
                *known = TargetList::from(targets);
            }
            is_new
        });
    }
}

/// Waits, give or take a tenth, so that many sources do not ask at once.
async fn pause(every: Duration) {
    use rand::Rng;
    let around = rand::rng().random_range(0.9..1.1);
    sleep(every.mul_f64(around)).await;
}

#[cfg(test)]
mod tests;
