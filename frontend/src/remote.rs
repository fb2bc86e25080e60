//! Asking the API.

use gloo_net::http::{Request, Response};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sidecarta_queries::api::error::{ErrorBody, ErrorResponse};
use std::time::Duration;

use crate::live::Live;

/// How often a page that is fed by questions asks again.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Asks `/api/v1` + `path`. A failure is the server's own words, or ours where no server answered.
pub(crate) async fn get<T: DeserializeOwned>(path: &str) -> Result<T, ErrorBody> {
    read(&get_text(path).await?)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ErrorBody> {
    serde_json::from_str(text).map_err(|error| ErrorBody {
        code: "unexpected_answer".to_owned(),
        message: "The server's answer could not be read. Reload the page if it was just updated.".to_owned(),
        detail: Some(error.to_string()),
    })
}

/// Asks `/api/v1` + `path` for a text, see [`get`].
pub(crate) async fn get_text(path: &str) -> Result<String, ErrorBody> {
    text_of(Request::get(&url_of(path)).send().await).await
}

/// Posts `body` to `/api/v1` + `path`.
pub(crate) async fn post<T: DeserializeOwned>(path: &str, body: &Value) -> Result<T, ErrorBody> {
    let request = Request::post(&url_of(path)).header("content-type", "application/json");
    match request.body(body.to_string()) {
        Ok(request) => read(&text_of(request.send().await).await?),
        Err(_) => Err(unreachable_server()),
    }
}

/// Deletes what is at `/api/v1` + `path`.
pub(crate) async fn delete<T: DeserializeOwned>(path: &str) -> Result<T, ErrorBody> {
    read(&text_of(Request::delete(&url_of(path)).send().await).await?)
}

fn url_of(path: &str) -> String {
    format!("/api/v1{path}")
}

async fn text_of(response: Result<Response, gloo_net::Error>) -> Result<String, ErrorBody> {
    let response = response.map_err(|_| unreachable_server())?;
    let status = response.status();
    let text = response.text().await.map_err(|_| unreachable_server())?;
    if response.ok() {
        return Ok(text);
    }
    Err(serde_json::from_str::<ErrorResponse>(&text).map_or_else(
        |_| ErrorBody {
            code: format!("http_{status}"),
            message: format!("The server answered with status {status}."),
            detail: None,
        },
        |response| response.error,
    ))
}

fn unreachable_server() -> ErrorBody {
    ErrorBody {
        code: "unreachable".to_owned(),
        message: "The server cannot be reached.".to_owned(),
        detail: None,
    }
}

/// What is known of an answer: the last one that came, and what went wrong since.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remote<T> {
    /// The last answer. It stays while the next is on its way or has failed.
    pub(crate) value: Option<T>,
    /// Why there is no newer answer.
    pub(crate) failure: Option<ErrorBody>,
}

/// An answer that is asked for again from time to time.
pub(crate) struct Polled<T: Send + Sync + 'static> {
    /// The answer as it stands.
    pub(crate) remote: RwSignal<Remote<T>>,
    round: RwSignal<u64>,
    /// Whether the last question is still to be answered.
    underway: StoredValue<bool>,
}

impl<T: Send + Sync + 'static> Clone for Polled<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Polled<T> {}

impl<T: Send + Sync + 'static> Polled<T> {
    /// Asks again now.
    pub(crate) fn retry(self) {
        self.round.update(|round| *round += 1);
    }
}

/// Asks for `path` whenever it changes, and every few seconds unless the viewer has paused.
pub(crate) fn polled<T>(path: impl Fn() -> String + Send + Sync + 'static) -> Polled<T>
where
    T: DeserializeOwned + Clone + PartialEq + Send + Sync + 'static,
{
    polled_if(move || Some(path()))
}

/// The same once there is a path.
pub(crate) fn polled_if<T>(path: impl Fn() -> Option<String> + Send + Sync + 'static) -> Polled<T>
where
    T: DeserializeOwned + Clone + PartialEq + Send + Sync + 'static,
{
    let live = expect_context::<Live>();
    let polled = asked(path);
    let ask_again = move || {
        // An answer that takes longer than that would otherwise never be the answer to the last question.
        if !live.paused.get_untracked() && !polled.underway.get_value() {
            polled.retry();
        }
    };
    if let Ok(interval) = set_interval_with_handle(ask_again, POLL_INTERVAL) {
        on_cleanup(move || interval.clear());
    }
    polled
}

/// Asks for `path` whenever it changes and there is one, and again only when told to.
pub(crate) fn asked<T>(path: impl Fn() -> Option<String> + Send + Sync + 'static) -> Polled<T>
where
    T: DeserializeOwned + Clone + PartialEq + Send + Sync + 'static,
{
    let path = Memo::new(move |_| path());
    let remote = RwSignal::new(Remote { value: None, failure: None });
    let round = RwSignal::new(0_u64);
    let latest = StoredValue::new(0_u64);
    let underway = StoredValue::new(false);
    Effect::new(move |asked: Option<Option<String>>| {
        let path = path.get();
        round.track();
        if asked.is_some_and(|asked| asked != path) {
            remote.set(Remote { value: None, failure: None });
        }
        let number = latest.get_value() + 1;
        latest.set_value(number);
        underway.set_value(path.is_some());
        if let Some(question) = path.clone() {
            leptos::task::spawn_local(async move {
                let answer = get::<T>(&question).await;
                // A newer question, or a page that has been left, wants no old answer.
                if latest.try_get_value() != Some(number) {
                    return;
                }
                underway.set_value(false);
                match answer {
                    Ok(value) => remote.set(Remote { value: Some(value), failure: None }),
                    Err(failure) => remote.update(|remote| remote.failure = Some(failure)),
                }
            });
        }
        path
    });
    Polled { remote, round, underway }
}
