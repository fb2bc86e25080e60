//! Where a trace leads.

use form_urlencoded::Serializer;

use crate::state::{PageState, encode_segment};

/// The search for traces that meet a query, in the same time range.
pub(super) fn search(state: &PageState, query: &str) -> String {
    with("/traces", state, &[("q", query)])
}

/// The page of a service with one of its routes open.
pub(super) fn route(state: &PageState, service: &str, route: &str) -> String {
    with(&format!("/services/{}", encode_segment(service)), state, &[("route", route)])
}

/// A span of some trace.
pub(super) fn span(state: &PageState, trace_id: &str, span_id: &str) -> String {
    with(&format!("/traces/{}", encode_segment(trace_id)), state, &[("select", span_id)])
}

/// A path with parameters and what every page carries along.
fn with(path: &str, state: &PageState, parameters: &[(&str, &str)]) -> String {
    let carried = state.carried_query();
    let mut pairs = Serializer::new(carried.trim_start_matches('?').to_owned());
    pairs.extend_pairs(parameters);
    format!("{path}?{}", pairs.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_take_the_time_range_along() {
        let state = PageState::parse("from=-6h&select=1&find=x&view=flame");
        assert_eq!(search(&state, "a=\"b c\""), "/traces?from=-6h&q=a%3D%22b+c%22");
        assert_eq!(route(&state, "a/b", "GET /x"), "/services/a%2Fb?from=-6h&route=GET+%2Fx");
        assert_eq!(span(&PageState::default(), "ab", "cd"), "/traces/ab?select=cd");
    }
}
