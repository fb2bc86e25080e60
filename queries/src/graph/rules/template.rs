//! Text with `$group` in it, for what the groups of a pattern match.

use foldhash::HashSet;
use regex::{Captures, Regex};

/// A text that is put together from what a pattern's groups match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(String),
}

impl Template {
    /// Reads `$group`, `${group}` and `$$` out of a text, where the groups are those of the pattern: names, or numbers
    /// from 1.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn parse(text: &str, pattern: &Regex, names: &HashSet<&str>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            push_text(&mut parts, &rest[..at]);
            let behind = &rest[at + 1..];
            if let Some(behind) = behind.strip_prefix('$') {
                push_text(&mut parts, "$");
                rest = behind;
                continue;
            }
            let (name, behind) = if let Some(inside) = behind.strip_prefix('{') {
                inside.split_once('}').ok_or("`${` has no `}`")?
            } else {
                let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                behind.split_at(behind.find(|letter| !is_name(letter)).unwrap_or(behind.len()))
            };
            let is_number =
                name.parse::<usize>().is_ok_and(|number| (1..pattern.captures_len()).contains(&number));
            if name.is_empty() {
                return Err("`$` has no name behind it; `$$` stands for `$`".to_owned());
            }
            if !is_number && !names.contains(name) {
                let hint = if name.starts_with(|first: char| first.is_ascii_digit()) {
                    String::new()
                } else {
                    format!("; (?<{name}>…) makes one")
                };
                return Err(format!("pattern has no group `{name}`{hint}"));
            }
            parts.push(Part::Group(name.to_owned()));
            rest = behind;
        }
        push_text(&mut parts, rest);
        Ok(Self { parts })
    }

    /// Whether nothing was written.
    pub(super) const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The text with what the groups have matched; nothing for a group that took no part.
    pub(super) fn expand(&self, found: &Captures<'_>) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Group(name) => {
                let group = match name.parse() {
                    Ok(number) => found.get(number),
                    Err(_) => found.name(name),
                };
                group.map(|group| group.as_str().to_owned()).unwrap_or_default()
            }
        };
        self.parts.iter().map(part).collect()
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}
