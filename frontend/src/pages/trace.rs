//! One trace: where its time went.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use sidecarta_queries::api::error::ErrorBody;
use sidecarta_queries::api::traces::TraceResponse;

use crate::components::icon::{ARROW, Icon};
use crate::components::notice::{FailureBanner, TableSkeleton};
use crate::live::Live;
use crate::model::trace::TraceModel;
use crate::page::Page;
use crate::remote::get;
use crate::state::{PageState, TraceView, encode_segment};

mod attributes;
mod context;
mod details;
mod flame;
mod head;
mod keys;
mod legend;
mod links;
mod logs;
mod minimap;
mod missing;
mod operations;
mod path;
mod row;
mod toolbar;
mod warnings;
mod waterfall;

use context::TraceContext;
use missing::MissingTrace;

/// How long to wait before a trace that is still arriving, or has not begun to, is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(4);

/// What is known of the trace.
#[derive(Clone, Copy)]
struct Loaded {
    model: RwSignal<Option<Arc<TraceModel>>>,
    failure: RwSignal<Option<ErrorBody>>,
    round: RwSignal<u64>,
}

/// The page `/traces/:id`.
#[component]
pub(crate) fn TracePage() -> impl IntoView {
    let page = expect_context::<Page>();
    let parameters = use_params_map();
    let id = Memo::new(move |_| parameters.with(|parameters| parameters.get("id")).unwrap_or_default());
    let loaded = load(id);
    let has_trace = Memo::new(move |_| loaded.model.with(Option::is_some));
    let retry = Callback::new(move |()| loaded.round.update(|round| *round += 1));
    let content = move || match (has_trace.get(), loaded.failure.get()) {
        (true, _) => view! { <TraceBody loaded /> }.into_any(),
        (false, Some(failure)) => view! { <MissingTrace failure retry /> }.into_any(),
        (false, None) => view! { <div class="trace-wait"><TableSkeleton /></div> }.into_any(),
    };
    // A failure beside a trace that is shown must not draw the trace anew.
    let banner = move || {
        let failure = loaded.failure.get().filter(|_| has_trace.get())?;
        Some(view! { <FailureBanner failure retry /> }.into_any())
    };
    view! {
        <div class="trace-page" data-testid="trace">
            <nav class="crumbs" aria-label="Where you are">
                <a href=move || format!("/traces{}", page.state.with(PageState::carried_query)) data-testid="to-search">
                    "Traces"
                </a>
                <Icon path=ARROW />
                <code class="truncate" aria-current="page">{id}</code>
            </nav>
            {banner}
            {content}
        </div>
    }
    .into_any()
}

/// Asks for the trace, and again as long as more of it may come.
fn load(id: Memo<String>) -> Loaded {
    let live = expect_context::<Live>();
    let loaded = Loaded { model: RwSignal::new(None), failure: RwSignal::new(None), round: RwSignal::new(0) };
    let latest = StoredValue::new(0_u64);
    Effect::new(move |asked: Option<String>| {
        let id = id.get();
        loaded.round.track();
        if asked.is_some_and(|asked| asked != id) {
            loaded.model.set(None);
            loaded.failure.set(None);
        }
        let number = latest.get_value() + 1;
        latest.set_value(number);
        let path = format!("/traces/{}", encode_segment(&id));
        leptos::task::spawn_local(async move {
            let answer = get::<TraceResponse>(&path).await;
            // A newer question, or a page that has been left, wants no old answer.
            if latest.try_get_value() == Some(number) {
                loaded.take(answer);
            }
        });
        id
    });
    let ask_again = move || {
        let is_arriving =
            loaded.model.with_untracked(|model| model.as_ref().is_some_and(|model| model.is_arriving()));
        let is_missing = loaded.failure.with_untracked(|failure| {
            failure.as_ref().is_some_and(|failure| failure.code == "trace_not_found")
        });
        if (is_arriving || is_missing) && !live.paused.get_untracked() {
            loaded.round.update(|round| *round += 1);
        }
    };
    if let Ok(interval) = set_interval_with_handle(ask_again, ASK_AGAIN) {
        on_cleanup(move || interval.clear());
    }
    loaded
}

impl Loaded {
    fn take(self, answer: Result<TraceResponse, ErrorBody>) {
        match answer {
            Ok(TraceResponse { trace }) => {
                let is_known = self
                    .model
                    .with_untracked(|model| model.as_ref().is_some_and(|model| model.trace == trace));
                if !is_known {
                    self.model.set(Some(Arc::new(TraceModel::new(trace))));
                }
                if self.failure.with_untracked(Option::is_some) {
                    self.failure.set(None);
                }
            }
            Err(failure) => self.failure.set(Some(failure)),
        }
    }
}

#[component]
fn TraceBody(loaded: Loaded) -> impl IntoView {
    let context = TraceContext::provide(loaded.model);
    keys::listen(context);
    let view = Memo::new(move |_| context.page.state.with(|state| state.trace_view));
    let drawn = move || match view.get() {
        TraceView::Waterfall => view! { <waterfall::Waterfall /> }.into_any(),
        TraceView::Flame => view! { <flame::FlameGraph /> }.into_any(),
        TraceView::Operations => view! { <operations::Operations /> }.into_any(),
        TraceView::Path => view! { <path::ServicePath /> }.into_any(),
        TraceView::Logs => view! { <logs::Logs /> }.into_any(),
    };
    let has_details = Memo::new(move |_| context.selected.with(Option::is_some));
    let details = move || has_details.get().then(|| view! { <details::Details /> }.into_any());
    view! {
        <head::Head />
        <warnings::Warnings />
        <toolbar::Toolbar view />
        <div class="trace-stage" class:has-details=has_details>
            <div class="trace-view" role="tabpanel" data-testid="trace-view" data-view=move || view.get().name()>
                {drawn}
            </div>
            {details}
        </div>
    }
    .into_any()
}
