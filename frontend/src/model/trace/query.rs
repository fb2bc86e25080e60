//! Conditions of the search for traces, as a span suggests them.

use sidecarta_queries::api::traces::TraceSpan;

/// `key="value"`: spans with the same value.
pub(crate) fn same_value(key: &str, value: &str) -> String {
    format!("{}={}", key_written(key), quoted(value))
}

/// Spans of the same operation.
pub(crate) fn same_operation(span: &TraceSpan) -> String {
    format!("service={} name={}", quoted(&span.service), quoted(&span.name))
}

/// Method and template of a span's route, where it has one.
pub(crate) fn route_of(span: &TraceSpan) -> Option<String> {
    let route = span.route.as_deref().filter(|route| !route.is_empty())?;
    Some(span.method.as_deref().map_or_else(|| route.to_owned(), |method| format!("{method} {route}")))
}

/// A key as it stands before its sign: quoted where it holds more than the language takes in a bare word.
fn key_written(key: &str) -> String {
    let bare = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '/' | ':');
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted() {
        assert_eq!(same_value("user.tier", "gold"), "user.tier=\"gold\"");
        assert_eq!(same_value("a", "say \"hi\" \\ o"), "a=\"say \\\"hi\\\" \\\\ o\"");
        assert_eq!(same_value("odd key", "1"), "\"odd key\"=\"1\"");
    }

    #[test]
    fn a_route_is_method_and_template() {
        let mut span = TraceSpan { method: Some("GET".to_owned()), ..TraceSpan::default() };
        assert_eq!(route_of(&span), None);
        span.route = Some("/orders/{id}".to_owned());
        assert_eq!(route_of(&span).as_deref(), Some("GET /orders/{id}"));
        span.method = None;
        assert_eq!(route_of(&span).as_deref(), Some("/orders/{id}"));
    }
}
