//! Pages without content: nothing there, something wrong, not yet there.

use leptos::prelude::*;
use sidecarta_queries::api::error::ErrorBody;

use crate::components::icon::{Icon, of_health};
use crate::remote::Polled;

/// The code of a query that is not understood. Its detail is its place as JSON, which is not for people.
pub(crate) const BAD_QUERY: &str = "bad_query";

/// A failure in the middle of a page, with its code and a way to try again.
#[component]
pub(crate) fn FailureNotice(
    /// What went wrong.
    failure: ErrorBody,
    /// Tries again.
    #[prop(into)]
    retry: Callback<()>,
) -> impl IntoView {
    let detail = failure.detail.filter(|_| failure.code != BAD_QUERY);
    view! {
        <div class="notice" role="alert" data-testid="failure">
            <span class="notice-mark is-failing">
                <Icon path=of_health(sidecarta_queries::api::graph::Health::Failing) />
            </span>
            <h2>{failure.message}</h2>
            {detail.map(|detail| view! { <p class="mono">{detail}</p> })}
            <p class="muted">"Code "<code>{failure.code}</code></p>
            <button class="btn btn-primary" on:click=move |_| retry.run(())>
                "Try again"
            </button>
        </div>
    }
}

/// A failure above content that is still shown.
#[component]
pub(crate) fn FailureBanner(
    /// What went wrong.
    failure: ErrorBody,
    /// Tries again.
    #[prop(into)]
    retry: Callback<()>,
) -> impl IntoView {
    view! {
        <div class="banner" role="alert" data-testid="failure">
            <Icon path=of_health(sidecarta_queries::api::graph::Health::Failing) />
            <span>{failure.message}" The numbers below are the last that came."</span>
            <button class="btn btn-small" on:click=move |_| retry.run(())>
                "Try again"
            </button>
        </div>
    }
}

/// Grey lines where a table will be.
#[component]
pub(crate) fn TableSkeleton() -> impl IntoView {
    view! {
        <div class="card" aria-busy="true" aria-label="Loading">
            {(0..7)
                .map(|row| {
                    let width = format!("{}%", 88 - (row * 13) % 37);
                    view! {
                        <div class="skeleton-row">
                            <div class="skeleton" style:width=width></div>
                        </div>
                    }
                })
                .collect_view()}
        </div>
    }
}

/// The one wrapper around what is asked for: a skeleton first, then the content, a failure in place of it or above it.
/// `draw` is called once; what it draws follows later values by its signal.
#[component]
pub(crate) fn Answered<T>(
    /// The answer as it stands.
    polled: Polled<T>,
    /// Draws the value.
    draw: impl Fn(Signal<T>) -> AnyView + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Default + PartialEq + Send + Sync + 'static,
{
    let remote = polled.remote;
    let has_value = Memo::new(move |_| remote.with(|remote| remote.value.is_some()));
    let failure = Memo::new(move |_| remote.with(|remote| remote.failure.clone()));
    let value = Memo::new(move |_| remote.with(|remote| remote.value.clone()).unwrap_or_default());
    let retry = Callback::new(move |()| polled.retry());
    view! {
        {move || {
            failure
                .get()
                .map(|failure| {
                    if has_value.get() {
                        view! { <FailureBanner failure retry /> }.into_any()
                    } else {
                        view! { <FailureNotice failure retry /> }.into_any()
                    }
                })
        }}
        {move || {
            if has_value.get() {
                draw(value.into())
            } else if failure.with(Option::is_none) {
                view! { <TableSkeleton /> }.into_any()
            } else {
                ().into_any()
            }
        }}
    }
}
