//! What the pages of traces look for, as the URL says it.

use std::borrow::Cow;

use form_urlencoded::Serializer;

use super::{PageState, non_empty};

/// Which traces come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TraceOrder {
    /// The newest.
    #[default]
    Newest,
    /// Those that took longest.
    Slowest,
}

/// A search for traces, and the two searches of a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TraceSearch {
    /// What is searched for, in the query language.
    pub(crate) query: String,
    /// Which traces come first.
    pub(crate) order: TraceOrder,
    /// The spans that a comparison looks into, in the query language.
    pub(crate) selection: String,
    /// The spans that it holds them against, in the query language.
    pub(crate) baseline: String,
    /// Start of the baseline's range, where it has one of its own.
    pub(crate) baseline_from: Option<String>,
    /// End of the baseline's range, where it has one of its own.
    pub(crate) baseline_to: Option<String>,
}

impl TraceSearch {
    /// Takes one parameter of the URL.
    pub(super) fn set(&mut self, key: &str, value: Cow<'_, str>) {
        match key {
            "q" => self.query = value.into_owned(),
            "order" if value == "slowest" => self.order = TraceOrder::Slowest,
            "selection" => self.selection = value.into_owned(),
            "baseline" => self.baseline = value.into_owned(),
            "baseline_from" => self.baseline_from = non_empty(value),
            "baseline_to" => self.baseline_to = non_empty(value),
            _ => {}
        }
    }

    /// Writes what differs from the defaults.
    pub(super) fn append(&self, pairs: &mut Serializer<'_, String>) {
        for (key, text) in [("q", &self.query), ("selection", &self.selection), ("baseline", &self.baseline)]
        {
            if !text.is_empty() {
                pairs.append_pair(key, text);
            }
        }
        self.append_baseline_range(pairs);
        if self.order == TraceOrder::Slowest {
            pairs.append_pair("order", "slowest");
        }
    }

    fn append_baseline_range(&self, pairs: &mut Serializer<'_, String>) {
        for (key, time) in [("baseline_from", &self.baseline_from), ("baseline_to", &self.baseline_to)] {
            if let Some(time) = time {
                pairs.append_pair(key, time);
            }
        }
    }
}

impl PageState {
    /// The search for traces that meet a query, in the same time range.
    pub(crate) fn traces_link(&self, query: &str) -> String {
        let mut state = self.carried();
        query.clone_into(&mut state.traces.query);
        format!("/traces{}", state.query())
    }

    /// The page of one trace, in the same time range, with one of its spans open.
    pub(crate) fn trace_link(&self, trace_id: &str, span_id: Option<&str>) -> String {
        let state = Self { select: span_id.map(str::to_owned), ..self.carried() };
        format!("/traces/{trace_id}{}", state.query())
    }

    /// The comparison of two searches.
    pub(crate) fn compare_link(&self, traces: TraceSearch) -> String {
        format!("/traces/compare{}", Self { traces, ..self.carried() }.query())
    }

    /// The parameters of `GET /api/v1/traces`, with the range and at most so many traces.
    pub(crate) fn traces_parameters(&self, limit: u32) -> String {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("q", &self.traces.query);
        let order = if self.traces.order == TraceOrder::Slowest { "slowest" } else { "newest" };
        pairs.append_pair("order", order).append_pair("limit", &limit.to_string());
        pairs.append_pair("from", &self.from).append_pair("to", &self.to);
        pairs.finish()
    }

    /// The parameters of `GET /api/v1/traces/compare`. A baseline without a range of its own has the selection's.
    pub(crate) fn compare_parameters(&self) -> String {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("selection", &self.traces.selection).append_pair("baseline", &self.traces.baseline);
        pairs.append_pair("from", &self.from).append_pair("to", &self.to);
        self.traces.append_baseline_range(&mut pairs);
        pairs.finish()
    }

    /// The parameters of `GET /api/v1/traces/complete` for a text and the place of the cursor in it.
    pub(crate) fn complete_parameters(&self, text: &str, cursor: u32) -> String {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("q", text).append_pair("cursor", &cursor.to_string());
        pairs.append_pair("from", &self.from).append_pair("to", &self.to);
        pairs.finish()
    }
}
