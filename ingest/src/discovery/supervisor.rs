//! A task for every target that is there, and none for those that are gone.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, SelectAll};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::TargetList;
use super::changes::{Changes, Merged, TargetRules, diff, merge};
use super::target::{DiscoveredTarget, TargetKey};
use crate::status::{SourceBook, SourceHandle};

/// Starts a task for each target, and ends it when its target is gone.
///
/// The closure is called for each new target; the future that it gives runs until it ends by itself or its token is
/// cancelled, which is also told on shutdown. A target that is gone and comes back, or whose labels change, starts anew
/// only when its old task has ended.
pub struct Targets<F> {
    lists: Vec<watch::Receiver<TargetList>>,
    rules: TargetRules,
    merged: Merged,
    running: BTreeMap<TargetKey, Running>,
    /// Tasks that were told to end and may not have ended yet.
    leaving: BTreeMap<TargetKey, JoinHandle<()>>,
    start: F,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    overflow: Overflow,
}

struct Running {
    token: CancellationToken,
    task: JoinHandle<()>,
}

impl<F> Targets<F>
where
    F: FnMut(DiscoveredTarget, CancellationToken) -> BoxFuture<'static, ()> + Send + 'static,
{
    /// Starts tasks on `tasks` for what the lists say already, and follows them until the shutdown.
    ///
    /// Of targets that are on several lists the earliest list's counts. Beyond `max_targets` no task is started, which
    /// `sources` tells in a line of kind `discovery` under the name of the rules.
    pub fn spawn(
        rules: TargetRules,
        lists: Vec<watch::Receiver<TargetList>>,
        sources: &SourceBook,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
        start: F,
    ) {
        let mut targets = Self {
            lists,
            overflow: Overflow { sources: sources.clone(), name: rules.name, line: None },
            rules,
            merged: Merged::default(),
            running: BTreeMap::new(),
            leaving: BTreeMap::new(),
            start,
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        let changes = stream::select_all(targets.lists.iter().cloned().map(WatchStream::from_changes));
        targets.follow();
        tasks.spawn(targets.run(changes));
    }

    async fn run(mut self, mut changes: SelectAll<WatchStream<TargetList>>) {
        let shutdown = self.shutdown.clone();
        let following = async {
            while changes.next().await.is_some() {
                self.follow();
            }
            // No source is left that could tell of a change.
            shutdown.cancelled().await;
        };
        shutdown.run_until_cancelled(following).await;
    }

    fn follow(&mut self) {
        let lists: Vec<TargetList> = self.lists.iter().map(|list| list.borrow().clone()).collect();
        let lists: Vec<&[DiscoveredTarget]> = lists.iter().map(|list| &**list).collect();
        let merged = merge(&lists, &self.rules);
        let changes = diff(&self.merged, &merged);
        self.overflow.tell(merged.over_limit, self.rules.max_targets);
        self.merged = merged;
        self.apply(changes);
    }

    fn apply(&mut self, changes: Changes) {
        self.leaving.retain(|_, task| !task.is_finished());
        for (key, _) in changes.removed {
            if let Some(Running { token, task }) = self.running.remove(&key) {
                token.cancel();
                self.leaving.insert(key, task);
            }
        }
        for (key, target) in changes.added {
            let token = self.shutdown.child_token();
            let work = (self.start)(target, token.clone());
            let before = self.leaving.remove(&key);
            let task = self.tasks.spawn(async move {
                if let Some(before) = before {
                    // It ended, in whichever way: what it said of that has been told.
                    drop(before.await);
                }
                work.await;
            });
            self.running.insert(key, Running { token, task });
        }
    }
}

/// The line that tells of targets beyond the limit, as long as there are such.
struct Overflow {
    sources: SourceBook,
    name: &'static str,
    line: Option<SourceHandle>,
}

impl Overflow {
    fn tell(&mut self, over_limit: usize, max_targets: usize) {
        if over_limit == 0 {
            if let Some(line) = self.line.take() {
                line.retire();
            }
            return;
        }
        let line = self.line.get_or_insert_with(|| self.sources.source("discovery", self.name));
        line.failed(format!(
            "{over_limit} targets are left out, since there are more than the {max_targets} that `max_targets` allows: \
             raise it"
        ));
    }
}
