//! The graph as it moves: one stream of server-sent events for the whole tab.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use sidecarta_queries::api::error::{ErrorBody, ErrorResponse};
use sidecarta_queries::api::graph::GraphResponse;
use sidecarta_queries::api::live::{ERROR_EVENT, GRAPH_EVENT, STATUS_EVENT};
use sidecarta_queries::api::status::{Status, StatusResponse};

use crate::clock;
use crate::model::snapshot::Snapshot;
use crate::page::Page;
use crate::remote::get;
use crate::state::PageState;

mod stream;

use stream::Stream;

/// How long to wait before a stream that the browser has given up is opened again.
const RETRY_AFTER: Duration = Duration::from_secs(4);

/// How the page gets its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// Nothing has come yet.
    Connecting,
    /// Events come.
    Live,
    /// The stream broke and is being opened again.
    Reconnecting,
    /// The viewer wants the picture to stand still.
    Paused,
    /// The time range has ended: nothing will move.
    Fixed,
}

/// The newest graph and the state of its stream.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    /// The newest graph. It stays while the next is on its way.
    pub(crate) snapshot: RwSignal<Option<Arc<Snapshot>>>,
    /// The newest state of the server.
    pub(crate) status: RwSignal<Option<Status>>,
    /// Why there is no newer graph.
    pub(crate) failure: RwSignal<Option<ErrorBody>>,
    /// How the numbers come.
    pub(crate) connection: RwSignal<Connection>,
    /// Whether the viewer wants the picture to stand still.
    pub(crate) paused: RwSignal<bool>,
    round: RwSignal<u64>,
    /// The parameters of the graph that is shown.
    shown: StoredValue<Option<String>>,
}

impl Live {
    /// Follows the URL of the page: another range or focus opens another stream. The graph comes without what stands
    /// behind its numbers, for which whoever shows it asks.
    pub(crate) fn provide(page: Page) -> Self {
        let live = Self {
            snapshot: RwSignal::new(None),
            status: RwSignal::new(None),
            failure: RwSignal::new(None),
            connection: RwSignal::new(Connection::Connecting),
            paused: RwSignal::new(false),
            round: RwSignal::new(0),
            shown: StoredValue::new(None),
        };
        provide_context(live);
        let wanted =
            Memo::new(move |_| page.state.with(|state| (without_evidence(state), state.is_moving())));
        let stream = StoredValue::new_local(None::<Stream>);
        Effect::new(move || {
            let (parameters, moving) = wanted.get();
            let paused = live.paused.get();
            live.round.track();
            // The old stream is closed before the new one is opened: a browser allows few at a time.
            stream.set_value(None);
            if moving && !paused {
                live.connection.set(Connection::Connecting);
                stream.set_value(live.open(parameters));
            } else {
                live.connection.set(if paused { Connection::Paused } else { Connection::Fixed });
                live.fetch_unless_shown(parameters);
            }
        });
        live
    }

    /// Tries again now.
    pub(crate) fn retry(self) {
        self.failure.set(None);
        self.shown.set_value(None);
        self.round.update(|round| *round += 1);
    }

    /// The server's clock, so that a viewer's wrong one does no harm; the viewer's until the server has said its own.
    pub(crate) fn now_ms(self) -> f64 {
        self.status
            .with(|status| status.as_ref().and_then(|status| clock::parse(&status.now)))
            .unwrap_or_else(clock::now_ms)
    }

    fn open(self, parameters: String) -> Option<Stream> {
        let mut stream = Stream::open(&format!("/api/v1/live?{parameters}"))?;
        let shown = parameters.clone();
        stream.on(GRAPH_EVENT, move |data| {
            if let Ok(GraphResponse { graph }) = serde_json::from_str(data) {
                self.shown.set_value(Some(shown.clone()));
                self.show(graph.into());
                self.connection.set(Connection::Live);
            }
        });
        stream.on(STATUS_EVENT, move |data| {
            if let Ok(StatusResponse { status }) = serde_json::from_str(data) {
                self.status.set(Some(status));
            }
        });
        stream.on(ERROR_EVENT, move |data| {
            if let Ok(ErrorResponse { error }) = serde_json::from_str(data) {
                self.failure.set(Some(error));
            }
        });
        stream.on_break(move |given_up| {
            self.connection.set(Connection::Reconnecting);
            if given_up {
                // A stream that is refused says not why; the same question by another door does.
                self.fetch(parameters.clone());
                set_timeout(move || self.reopen(), RETRY_AFTER);
            }
        });
        Some(stream)
    }

    fn reopen(self) {
        if self.connection.get_untracked() == Connection::Reconnecting {
            self.round.update(|round| *round += 1);
        }
    }

    fn show(self, snapshot: Snapshot) {
        self.snapshot.set(Some(Arc::new(snapshot)));
        self.failure.set(None);
    }

    fn fetch_unless_shown(self, parameters: String) {
        if self.shown.with_value(|shown| shown.as_ref() != Some(&parameters)) {
            self.fetch(parameters);
        }
    }

    fn fetch(self, parameters: String) {
        let round = self.round.get_untracked();
        leptos::task::spawn_local(async move {
            let answer = get::<GraphResponse>(&format!("/graph?{parameters}")).await;
            if self.round.get_untracked() != round {
                return;
            }
            match answer {
                Ok(GraphResponse { graph }) => {
                    self.shown.set_value(Some(parameters));
                    self.show(graph.into());
                }
                Err(failure) => self.failure.set(Some(failure)),
            }
        });
    }
}

fn without_evidence(state: &PageState) -> String {
    format!("{}&evidence=none", state.graph_parameters())
}
