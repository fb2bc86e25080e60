//! Keys and values, each to be copied or searched for.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::context::TraceContext;
use super::links;
use crate::components::copy_button::CopyButton;
use crate::components::icon::{Icon, SEARCH};
use crate::model::trace::find::filtered;
use crate::model::trace::query::same_value;

/// A list of attributes as far as a text is in them; nothing where there are none.
pub(super) fn attribute_list(
    trace: TraceContext,
    title: &'static str,
    attributes: &BTreeMap<String, String>,
    text: &str,
) -> AnyView {
    if attributes.is_empty() {
        return ().into_any();
    }
    let found = filtered(attributes, text);
    let count = if found.len() == attributes.len() {
        found.len().to_string()
    } else {
        format!("{} of {}", found.len(), attributes.len())
    };
    let rows = found.into_iter().map(|(key, value)| attribute(trace, key, value)).collect_view();
    view! {
        <section class="panel-section">
            <h3>{title}" "<span class="muted num">{count}</span></h3>
            <dl class="attributes">{rows}</dl>
        </section>
    }
    .into_any()
}

/// One attribute.
pub(super) fn attribute(trace: TraceContext, key: String, value: String) -> AnyView {
    let query = same_value(&key, &value);
    let words = format!("Search for traces with {query}");
    let href = move || trace.page.state.with(|state| links::search(state, &query));
    let label = format!("Copy the value of {key}");
    let name = key.clone();
    let copied = StoredValue::new(value.clone());
    view! {
        <div class="attribute" data-testid="attribute" data-key=name>
            <dt>{key}</dt>
            <dd>{value}</dd>
            <dd class="attribute-tools">
                <CopyButton words="" label text=Callback::new(move |()| copied.get_value()) />
                <a class="icon-button" href=href title=words.clone() aria-label=words data-testid="search-value">
                    <Icon path=SEARCH />
                </a>
            </dd>
        </div>
    }
    .into_any()
}
