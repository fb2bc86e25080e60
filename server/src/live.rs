//! `GET /api/v1/live`: the graph as it moves. What several browsers look at is computed once a tick for all of them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use sidecarta_queries::api::live::{ERROR_EVENT, GRAPH_EVENT, STATUS_EVENT};
use sidecarta_queries::api::status::StatusResponse;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::api::graph::SharedGraph;
use crate::error::ApiError;
use crate::params::GraphParams;
use crate::state::AppState;

/// Time from one tick to the next.
const TICK: Duration = Duration::from_secs(1);
/// Different views that are computed at once.
const MAX_VIEWS: usize = 64;

/// What one tick sends, as text.
#[derive(Clone, Debug, Default)]
struct Tick {
    number: u64,
    events: Arc<Vec<(&'static str, String)>>,
}

/// The views that browsers look at, by their parameters. A view ends with its last listener.
#[derive(Debug, Default)]
pub struct Live {
    views: Mutex<HashMap<String, watch::Sender<Tick>>>,
}

impl Live {
    /// Listens to a view, which is computed from now on if it was not yet.
    fn listen(&self, state: &AppState, params: GraphParams) -> Result<watch::Receiver<Tick>, ApiError> {
        let key = format!("{params:?}");
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = views.get(&key) {
            return Ok(view.subscribe());
        }
        if views.len() >= MAX_VIEWS {
            return Err(ApiError::bad_request(
                "too_many_views",
                "too many different views are open; close one",
            ));
        }
        let (sender, receiver) = watch::channel(Tick::default());
        views.insert(key.clone(), sender.clone());
        tokio::spawn(run(state.clone(), key, params, sender));
        Ok(receiver)
    }

    /// Ends a view if nobody listens any more; true where it ended.
    fn end_if_unheard(&self, key: &str, view: &watch::Sender<Tick>) -> bool {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let unheard = view.receiver_count() == 0;
        if unheard {
            views.remove(key);
        }
        unheard
    }
}

/// Computes a view until nobody listens any more.
async fn run(state: AppState, key: String, params: GraphParams, view: watch::Sender<Tick>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut number = 0;
    while !state.live().end_if_unheard(&key, &view) {
        tokio::select! {
            _ = ticks.tick() => {}
            () = state.shutdown().cancelled() => break,
        }
        number += 1;
        let events = Arc::new(events(&state, &params).await);
        // Nobody listening is seen at the next turn.
        view.send_replace(Tick { number, events });
    }
}

async fn events(state: &AppState, params: &GraphParams) -> Vec<(&'static str, String)> {
    let graph = async {
        let graph = state.graph(params.query(Timestamp::now())?).await?;
        let text = serde_json::to_string(&SharedGraph { graph: &graph }).unwrap_or_default();
        Ok::<_, ApiError>((GRAPH_EVENT, text))
    };
    let status = async {
        let status = state.status().await?;
        Ok::<_, ApiError>((
            STATUS_EVENT,
            serde_json::to_string(&StatusResponse { status }).unwrap_or_default(),
        ))
    };
    let failed =
        |error: ApiError| (ERROR_EVENT, serde_json::to_string(&error.response()).unwrap_or_default());
    vec![graph.await.unwrap_or_else(failed), status.await.unwrap_or_else(failed)]
}

/// The stream of one browser. A browser that reads slowly misses ticks and never gets an old one.
pub async fn stream(
    State(state): State<AppState>,
    params: GraphParams,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    params.query(Timestamp::now())?;
    let view = state.live().listen(&state, params)?;
    let shutdown = state.shutdown().clone();
    let events = WatchStream::new(view)
        .flat_map(|tick| {
            let events: Vec<Event> = tick
                .events
                .iter()
                .map(|(name, data)| Event::default().event(*name).id(tick.number.to_string()).data(data))
                .collect();
            futures::stream::iter(events)
        })
        .map(Ok)
        .take_until(shutdown.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
