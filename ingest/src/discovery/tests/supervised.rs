use std::collections::BTreeMap;

use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::discovery::{DiscoveredTarget, TargetList, TargetRules, Targets, fixed};
use crate::status::SourceBook;

fn target(port: u16, version: &str) -> DiscoveredTarget {
    let labels = BTreeMap::from([("version".to_owned(), version.to_owned())]);
    DiscoveredTarget::new(&format!("a:{port}"), &labels, "test").expect("a target")
}

/// Tasks that tell when they begin and end.
struct Watched {
    events: mpsc::Receiver<String>,
    list: watch::Sender<TargetList>,
    tasks: TaskTracker,
    book: SourceBook,
    shutdown: CancellationToken,
}

impl Watched {
    fn start(max_targets: usize) -> Self {
        let (sender, events) = mpsc::channel(100);
        let list = watch::Sender::new(TargetList::default());
        let (tasks, book, shutdown) = (TaskTracker::new(), SourceBook::default(), CancellationToken::new());
        let start = move |target: DiscoveredTarget, gone: CancellationToken| {
            let sender = sender.clone();
            let name = format!("{} {}", target.address, target.labels["version"]);
            async move {
                let _ = sender.send(format!("began {name}")).await;
                gone.cancelled().await;
                let _ = sender.send(format!("ended {name}")).await;
            }
            .boxed()
        };
        let rules = TargetRules { name: "test targets", max_targets, key: DiscoveredTarget::key };
        let lists = vec![fixed(vec![target(1, "fixed")]), list.subscribe()];
        Targets::spawn(rules, lists, &book, &tasks, &shutdown, start);
        tasks.close();
        Self { events, list, tasks, book, shutdown }
    }

    fn now(&self, targets: &[DiscoveredTarget]) {
        self.list.send_replace(targets.into());
    }

    async fn next(&mut self) -> String {
        self.events.recv().await.expect("an event")
    }
}

#[tokio::test]
async fn tasks_come_and_go_with_their_targets() {
    let mut watched = Watched::start(10);
    assert_eq!(watched.next().await, "began http://a:1 fixed");
    watched.now(&[target(2, "x"), target(1, "hidden by the fixed one")]);
    assert_eq!(watched.next().await, "began http://a:2 x");
    watched.now(&[]);
    assert_eq!(watched.next().await, "ended http://a:2 x");
    watched.now(&[target(2, "x")]);
    assert_eq!(watched.next().await, "began http://a:2 x");
    watched.shutdown.cancel();
    let mut last = [watched.next().await, watched.next().await];
    last.sort();
    assert_eq!(last, ["ended http://a:1 fixed", "ended http://a:2 x"]);
    watched.tasks.wait().await;
}

#[tokio::test]
async fn a_changed_target_starts_anew_only_when_its_old_task_has_ended() {
    let mut watched = Watched::start(10);
    watched.next().await;
    watched.now(&[target(2, "old")]);
    assert_eq!(watched.next().await, "began http://a:2 old");
    watched.now(&[target(2, "new")]);
    assert_eq!(watched.next().await, "ended http://a:2 old");
    assert_eq!(watched.next().await, "began http://a:2 new");
}

#[tokio::test]
async fn a_source_that_has_ended_leaves_its_targets() {
    let Watched { mut events, list, tasks, shutdown, book: _book } = Watched::start(10);
    list.send_replace([target(2, "x")].as_slice().into());
    drop(list);
    let mut began = [events.recv().await, events.recv().await].map(|event| event.expect("an event"));
    began.sort();
    assert_eq!(began, ["began http://a:1 fixed", "began http://a:2 x"]);
    shutdown.cancel();
    tasks.wait().await;
    assert!(events.recv().await.expect("an event").starts_with("ended"));
}

#[tokio::test]
async fn what_is_over_the_limit_is_told_until_it_is_not() {
    let mut watched = Watched::start(2);
    watched.next().await;
    watched.now(&[target(2, "x"), target(3, "x"), target(4, "x")]);
    assert_eq!(watched.next().await, "began http://a:2 x");
    let lines = watched.book.list();
    assert_eq!((lines[0].kind.as_str(), lines[0].name.as_str()), ("discovery", "test targets"));
    let reason = lines[0].last_error.as_deref().unwrap_or_default();
    assert!(reason.starts_with("2 targets are left out") && reason.ends_with("raise it"), "{reason}");
    watched.now(&[target(3, "x")]);
    let mut changes = [watched.next().await, watched.next().await];
    changes.sort();
    assert_eq!(changes, ["began http://a:3 x", "ended http://a:2 x"]);
    assert!(watched.book.list().is_empty());
}
