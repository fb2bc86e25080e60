//! Small traces for tests.

use std::collections::BTreeMap;

use sidecarta_queries::api::traces::{Trace, TraceLog, TraceSpan};

use super::TraceModel;

/// Reads spans from lines, a child further right than its parent: `service kind start+length` in ms, then marks:
/// `proxy`, `err`, `hop=3`. A hop is the service's own number where none is named.
pub(crate) fn trace(text: &str) -> TraceModel {
    let mut spans: Vec<TraceSpan> = Vec::new();
    let mut above: Vec<(usize, u32)> = Vec::new();
    let mut hops: BTreeMap<String, u32> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let indent = line.len() - line.trim_start().len();
        above.retain(|(of, _)| *of < indent);
        let words: Vec<&str> = line.split_whitespace().collect();
        let (start, length) = words[2].split_once('+').unwrap();
        let next = hops.len() as u32;
        let named = words.iter().find_map(|word| word.strip_prefix("hop=")?.parse().ok());
        let hop = named.unwrap_or_else(|| *hops.entry(words[0].to_owned()).or_insert(next));
        let parent = above.last().map(|(_, at)| *at);
        above.push((indent, spans.len() as u32));
        spans.push(TraceSpan {
            span_id: format!("{:016x}", spans.len() + 1),
            parent,
            parent_span_id: parent.map(|parent| format!("{:016x}", parent + 1)),
            depth: above.len() as u32 - 1,
            hop,
            offset_ns: start.parse::<i64>().unwrap() * 1_000_000,
            duration_ns: length.parse::<u64>().unwrap() * 1_000_000,
            service: words[0].to_owned(),
            name: format!("{} {}", words[0], words[1].to_lowercase()),
            kind: words[1].to_owned(),
            is_proxy: words.contains(&"proxy"),
            is_error: words.contains(&"err"),
            ..TraceSpan::default()
        });
    }
    let duration_ns = spans.iter().map(|span| super::end_of(span).unsigned_abs()).max().unwrap_or_default();
    TraceModel::new(Trace { duration_ns, span_count: spans.len() as u64, spans, ..Trace::default() })
}

/// A trace with a log line of the span at a place.
pub(crate) fn with_log(model: TraceModel, span: u32, body: &str) -> TraceModel {
    let log = TraceLog { span: Some(span), body: body.to_owned(), ..TraceLog::default() };
    TraceModel::new(Trace { logs: vec![log], ..model.trace })
}

/// web calls orders through two proxies; the first try fails.
pub(crate) const RETRIED: &str = "
    web SERVER 0+20
     web CLIENT 1+18
      web SERVER 2+16 proxy
       web CLIENT 3+4 proxy err
        orders SERVER 4+2 proxy hop=5
         orders SERVER 4+1 err hop=5
       web CLIENT 8+9 proxy
        orders SERVER 9+7 proxy hop=6
         orders SERVER 10+5 hop=6
";
