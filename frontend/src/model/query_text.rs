//! Changes to the text of a query that buttons make. The server understands the language; here only its outer shape
//! counts: words, quotes and parentheses.

/// The conditions beside each other at the outermost level, `not` with what it denies.
fn pieces(query: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (None, 0_usize, false, false);
    for (at, letter) in query.char_indices() {
        if letter.is_whitespace() && !quoted && depth == 0 {
            let denies = start.is_some_and(|from: usize| query[from..at].eq_ignore_ascii_case("not"));
            if let (Some(from), false) = (start, denies) {
                pieces.push(&query[from..at]);
                start = None;
            }
            continue;
        }
        start = start.or(Some(at));
        match letter {
            '"' if !escaped => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
    }
    pieces.extend(start.map(|from| query[from..].trim_end()));
    pieces
}

/// Whether the outermost level holds alternatives, so that a condition beside them would belong to the last alone.
fn has_alternatives(query: &str) -> bool {
    pieces(query).iter().any(|piece| piece.eq_ignore_ascii_case("or"))
}

/// Whether all that is found meets a condition that is written just so.
pub(crate) fn holds(query: &str, condition: &str) -> bool {
    !has_alternatives(query) && pieces(query).contains(&condition)
}

/// What stands behind the first condition that begins so: `orders` of `service=orders`.
pub(crate) fn value_of<'a>(query: &'a str, beginning: &str) -> Option<&'a str> {
    if has_alternatives(query) {
        return None;
    }
    pieces(query).into_iter().find_map(|piece| piece.strip_prefix(beginning))
}

/// The query narrowed down by one more condition.
pub(crate) fn with(query: &str, condition: &str) -> String {
    let query = query.trim();
    if query.is_empty() || holds(query, condition) {
        return if query.is_empty() { condition.to_owned() } else { query.to_owned() };
    }
    if has_alternatives(query) { format!("({query}) {condition}") } else { format!("{query} {condition}") }
}

/// The query without the conditions that begin with one of these. Alternatives stay as they are.
pub(crate) fn without(query: &str, beginnings: &[&str]) -> String {
    if has_alternatives(query) {
        return query.to_owned();
    }
    let mut pieces = pieces(query);
    pieces.retain(|piece| !beginnings.iter().any(|beginning| piece.starts_with(beginning)));
    pieces.join(" ")
}

/// The query with a condition that is written just so, or without it.
pub(crate) fn toggled(query: &str, condition: &str) -> String {
    if !holds(query, condition) {
        return with(query, condition);
    }
    let mut pieces = pieces(query);
    pieces.retain(|piece| *piece != condition);
    pieces.join(" ")
}

/// A value as the language wants it: plain words as they are, all else in quotes.
pub(crate) fn quoted(value: &str) -> String {
    let plain = value.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && value.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        && !["and", "or", "not"].iter().any(|word| value.eq_ignore_ascii_case(word));
    if plain {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A number of milliseconds as the language wants it: `0.084ms`, `12.3ms`, `1240ms`. What is lost to rounding goes
/// downwards.
pub(crate) fn milliseconds(ms: f64) -> String {
    let scale = if ms < 1.0 { 1e6 } else { 1e3 };
    let text = format!("{:.6}", (ms * scale).floor() / scale);
    format!("{}ms", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The place of a cursor in characters. Browsers count UTF-16 code units.
pub(crate) fn cursor_in_characters(text: &str, utf16: u32) -> u32 {
    let mut units = 0;
    text.chars()
        .take_while(|letter| {
            units += letter.len_utf16() as u32;
            units <= utf16
        })
        .count() as u32
}

/// What stands before, at and behind a place that is counted in characters.
pub(crate) fn split(text: &str, from: u32, to: u32) -> (&str, &str, &str) {
    let byte = |place: u32| text.char_indices().nth(place as usize).map_or(text.len(), |(byte, _)| byte);
    let (from, to) = (byte(from), byte(to.max(from)));
    (&text[..from], &text[from..to], &text[to..])
}

#[cfg(test)]
mod tests;
