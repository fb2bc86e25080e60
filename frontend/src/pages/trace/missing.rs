//! A trace that is not there: the server's words, and what to do.

use leptos::prelude::*;
use sidecarta_queries::api::error::ErrorBody;
use sidecarta_queries::api::graph::Health;

use crate::components::icon::{Icon, SEARCH, of_health};
use crate::page::Page;
use crate::state::PageState;

/// What the server says, with what may be the reason.
#[component]
pub(super) fn MissingTrace(failure: ErrorBody, retry: Callback<()>) -> impl IntoView {
    let page = expect_context::<Page>();
    let is_missing = failure.code == "trace_not_found";
    let advice: &[&str] = match failure.code.as_str() {
        "trace_not_found" => &[
            "It may still be on its way: this page asks again by itself.",
            "It may have been dropped by sampling before it was sent here, or be older than what is kept.",
            "A letter of the id may be lost.",
        ],
        code if code.starts_with("unreachable")
            || code.starts_with("store")
            || code.starts_with("http_5") =>
        {
            &[]
        }
        _ => &[
            "A trace id has 32 hexadecimal digits; a whole traceparent header will do as well.",
            "The form of X-Ray is 1-5759e988-bd862e3fe1be46a994272793.",
        ],
    };
    let (class, icon) = if is_missing {
        ("notice-mark", SEARCH)
    } else {
        ("notice-mark is-failing", of_health(Health::Failing))
    };
    view! {
        <div class="notice" role="alert" data-testid="trace-missing">
            <span class=class>
                <Icon path=icon />
            </span>
            <h2>{failure.message}</h2>
            {failure.detail.map(|detail| view! { <p class="mono">{detail}</p> })}
            <ul class="trace-advice">{advice.iter().map(|line| view! { <li>{*line}</li> }).collect_view()}</ul>
            <p class="muted small">"Code "<code>{failure.code}</code></p>
            <div class="notice-actions">
                <button class="btn btn-primary" on:click=move |_| retry.run(())>"Try again"</button>
                <a class="btn" href=move || format!("/traces{}", page.state.with(PageState::carried_query))>
                    "Search for traces"
                </a>
            </div>
        </div>
    }
    .into_any()
}
