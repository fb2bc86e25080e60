//! Envoy's access-log format strings, read backwards: a format is compiled into a matcher, which takes a line apart.
//!
//! **Where a value ends.** What stands between two operators ends the first one's value. Values may hold that too (a
//! quotation mark in a user agent, a space in a path), so a value ends at the first place from which the rest of the
//! line can still be matched to its end. What values may look like helps: numbers hold digits only, names of clusters,
//! addresses and ids hold neither white space nor quotation marks, and so a user agent `a" "b` before a request id is
//! read whole. A line that two headers of free text with a delimiter in them leave ambiguous is read with the first of
//! the two as short as can be.
//!
//! **Absent values** are `-`, or nothing where `omit_empty_values` is set.

use super::draft::Draft;
use super::field::{Field, Shape};
use super::operator::Operator;

mod search;

#[cfg(test)]
mod tests;

/// Command operators a format.
const MAX_OPERATORS: usize = 250;

/// Why a format string is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {column}: {reason}")]
pub(super) struct FormatError {
    /// Where in the format string, in bytes from 1.
    pub(super) column: usize,
    /// What is wrong there.
    pub(super) reason: String,
}

/// A compiled format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// What the line starts with.
    start: String,
    /// The operators, each with what follows it.
    operators: Vec<(Field, String)>,
}

impl Format {
    /// Compiles a format string. A line break at its end, which Envoy's formats have, is left out.
    pub(super) fn compile(text: &str) -> Result<Self, FormatError> {
        let text = text.trim_end_matches(['\n', '\r']);
        let mut format = Self { start: String::new(), operators: Vec::new() };
        let mut rest = text;
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let refuse = |offset: usize, reason| FormatError { column: at + offset + 1, reason };
            if let Some(behind) = rest.strip_prefix("%%") {
                format.push_literal('%');
                rest = behind;
            } else if let Some(operator_text) = rest.strip_prefix('%') {
                let (operator, behind) = Operator::split_off(operator_text)
                    .map_err(|(offset, reason)| refuse(offset + 1, reason))?;
                let field = Field::of(&operator).map_err(|reason| refuse(0, reason))?;
                format.push_operator(field).map_err(|reason| refuse(0, reason))?;
                rest = behind;
            } else {
                let Some(character) = rest.chars().next() else { break };
                if matches!(character, '\n' | '\r') {
                    return Err(refuse(0, "a line break in the middle: a request must be one line".into()));
                }
                format.push_literal(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        if format.operators.is_empty() {
            return Err(FormatError { column: 1, reason: "there is no command operator in it".into() });
        }
        Ok(format)
    }

    /// The same format for lines that go on after it; what follows is kept under the key `rest`.
    pub(super) fn with_rest(mut self) -> Self {
        self.operators.push((Field::Attribute("rest".to_owned(), Shape::Text), String::new()));
        self
    }

    fn push_literal(&mut self, character: char) {
        match self.operators.last_mut() {
            Some((_, literal)) => literal.push(character),
            None => self.start.push(character),
        }
    }

    fn push_operator(&mut self, field: Field) -> Result<(), String> {
        if self.operators.len() == MAX_OPERATORS {
            return Err(format!("more than {MAX_OPERATORS} command operators"));
        }
        if let Some((before, literal)) = self.operators.last()
            && literal.is_empty()
            && !before.shape().ends_before(field.shape())
        {
            return Err(
                "nothing stands between this operator and the one before it, so that their values cannot be \
                        told apart"
                    .into(),
            );
        }
        self.operators.push((field, String::new()));
        Ok(())
    }

    /// Whether reading changes nothing in the draft where it fails.
    pub(super) fn is_one_operator(&self) -> bool {
        self.operators.len() == 1
    }

    /// Puts the values of a line into the draft. `false` if the line does not have this format; the draft may have
    /// been changed then.
    pub(super) fn read(&self, line: &str, draft: &mut Draft) -> bool {
        let Some(line) = line.strip_prefix(self.start.as_str()) else { return false };
        if let [(field, literal)] = self.operators.as_slice()
            && literal.is_empty()
        {
            return field.set(draft, line);
        }
        let Some(values) = search::values(&self.operators, line) else { return false };
        self.operators.iter().zip(values).all(|((field, _), value)| field.set(draft, value))
    }
}
