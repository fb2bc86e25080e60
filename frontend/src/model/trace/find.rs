//! Looking for a text in a trace.

use std::collections::BTreeMap;

use sidecarta_queries::api::traces::TraceSpan;

use super::TraceModel;

impl TraceModel {
    /// Spans that hold a text, whatever the case, in the order of the rows: in their names, ids, attributes
    /// (`key=value`), resource, events or log lines. An empty text is in none.
    pub(crate) fn holding(&self, text: &str) -> Vec<u32> {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let haystacks = self.haystacks.get_or_init(|| self.haystacks());
        self.order.iter().copied().filter(|at| haystacks[*at as usize].contains(&wanted)).collect()
    }

    /// Spans that failed, in the order of the rows.
    pub(crate) fn failed(&self) -> Vec<u32> {
        let failed = |at: &u32| self.span(*at).is_some_and(|span| span.is_error);
        self.order.iter().copied().filter(failed).collect()
    }

    fn haystacks(&self) -> Vec<String> {
        let resources: Vec<String> = self.trace.resources.iter().map(written).collect();
        let of = |(at, span): (usize, &TraceSpan)| {
            let mut text = String::new();
            let own = [&span.service, &span.name, &span.span_id, &span.kind];
            let maybe = [&span.version, &span.instance, &span.route, &span.status_message, &span.peer];
            for word in own.into_iter().chain(maybe.into_iter().flatten()) {
                text.push_str(word);
                text.push('\n');
            }
            text.push_str(&written(&span.attributes));
            text.push_str(resources.get(span.resource as usize).map_or("", String::as_str));
            for event in &span.events {
                text.push_str(&event.name);
                text.push('\n');
                text.push_str(&written(&event.attributes));
            }
            for log in self.logs_of(at as u32) {
                text.push_str(&log.body);
                text.push('\n');
                text.push_str(&written(&log.attributes));
            }
            text.to_lowercase()
        };
        self.trace.spans.iter().enumerate().map(of).collect()
    }
}

/// Attributes as lines of `key=value`.
fn written(attributes: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = attributes.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    lines.concat()
}

/// The place after (or before) one in a list that goes round; the first where there is none yet.
pub(crate) fn next_of(places: &[usize], from: Option<usize>, backwards: bool) -> Option<usize> {
    let Some(from) = from else { return if backwards { places.last() } else { places.first() }.copied() };
    let next = if backwards {
        places.iter().rev().find(|place| **place < from).or(places.last())
    } else {
        places.iter().find(|place| **place > from).or(places.first())
    };
    next.copied()
}

/// Attributes whose key or value, or both as `key=value`, hold a text, whatever the case.
pub(crate) fn filtered(attributes: &BTreeMap<String, String>, text: &str) -> Vec<(String, String)> {
    let wanted = text.trim().to_lowercase();
    let holds = |(key, value): &(&String, &String)| format!("{key}={value}").to_lowercase().contains(&wanted);
    attributes.iter().filter(holds).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{RETRIED, trace, with_log};
    use super::*;

    #[test]
    fn a_text_is_found_wherever_a_span_holds_it() {
        let mut raw = trace(RETRIED).trace;
        raw.spans[4].attributes.insert("User.Tier".to_owned(), "Gold".to_owned());
        raw.resources = vec![BTreeMap::from([("k8s.pod".to_owned(), "pod-7".to_owned())])];
        let model = with_log(TraceModel::new(raw), 8, "card refused");
        assert_eq!(model.holding("user.tier=gold"), [4]);
        assert_eq!(model.holding(" REFUSED "), [8]);
        assert_eq!(model.holding("orders"), [4, 5, 7, 8]);
        assert_eq!(model.holding("pod-7").len(), 9);
        assert_eq!(model.holding("0000000000000003"), [2]);
        assert!(model.holding("  ").is_empty());
        assert_eq!(model.failed(), [3, 5]);
    }

    #[test]
    fn hits_go_round_in_both_directions() {
        let hits = [2, 5, 9];
        assert_eq!(next_of(&hits, None, false), Some(2));
        assert_eq!(next_of(&hits, None, true), Some(9));
        assert_eq!(next_of(&hits, Some(5), false), Some(9));
        assert_eq!(next_of(&hits, Some(9), false), Some(2));
        assert_eq!(next_of(&hits, Some(4), true), Some(2));
        assert_eq!(next_of(&hits, Some(1), true), Some(9));
        assert_eq!(next_of(&[], Some(1), true), None);
    }

    #[test]
    fn attributes_are_filtered_by_key_and_value() {
        let all = BTreeMap::from([("a.b".to_owned(), "X".to_owned()), ("c".to_owned(), "y".to_owned())]);
        assert_eq!(filtered(&all, "b=x").len(), 1);
        assert_eq!(filtered(&all, "").len(), 2);
        assert_eq!(filtered(&all, "z").len(), 0);
    }
}
