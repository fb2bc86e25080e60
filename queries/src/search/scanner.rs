//! A query cut into words, quoted texts and signs, with their places.

use crate::api::traces::QueryProblem;

/// Signs that stand between a key and a value, those first that begin with others.
pub(super) const SIGNS: [&str; 8] = ["!=", "!~", ">=", "<=", "=", "~", ">", "<"];

/// Letters that end a word where a key may stand.
fn ends_key(letter: char) -> bool {
    ends_value(letter) || is_sign(letter)
}

/// Letters that end a word where a value may stand.
fn ends_value(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '(' | ')' | ',')
}

/// Letters of which signs are made.
fn is_sign(letter: char) -> bool {
    matches!(letter, '=' | '!' | '~' | '<' | '>')
}

/// Whether a key can be written without quotes, unless it means something else.
pub(super) fn is_plain_key(key: &str) -> bool {
    !key.is_empty() && !key.chars().any(ends_key)
}

/// Whether a value can be written without quotes.
pub(super) fn is_plain_value(value: &str) -> bool {
    value.chars().next().is_some_and(|first| !is_sign(first)) && !value.chars().any(ends_value)
}

/// Characters from `from` to before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Place {
    /// Why the query cannot be understood, here.
    pub(super) fn problem(self, message: impl Into<String>) -> QueryProblem {
        QueryProblem { message: message.into(), from: self.from as u32, to: self.to as u32 }
    }
}

/// A text that was read.
#[derive(Clone, Debug)]
pub(super) struct Scanned {
    pub(super) text: String,
    pub(super) place: Place,
    pub(super) is_quoted: bool,
}

/// Reads a query from its start to its end.
#[derive(Debug)]
pub(super) struct Scanner {
    letters: Vec<char>,
    at: usize,
}

impl Scanner {
    pub(super) fn new(query: &str) -> Self {
        Self { letters: query.chars().collect(), at: 0 }
    }

    /// Goes past white space; the next letter, if there is one.
    pub(super) fn peek(&mut self) -> Option<char> {
        while self.letters.get(self.at).is_some_and(|letter| letter.is_whitespace()) {
            self.at += 1;
        }
        self.letters.get(self.at).copied()
    }

    /// Whether the letter before is white space.
    pub(super) fn is_behind_space(&self) -> bool {
        self.at.checked_sub(1).is_some_and(|before| self.letters[before].is_whitespace())
    }

    /// Whether this letter follows at once.
    pub(super) fn is_before(&self, letter: char) -> bool {
        self.letters.get(self.at) == Some(&letter)
    }

    /// Where it stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The place of the next letter, or of the end.
    pub(super) fn here(&mut self) -> Place {
        self.peek();
        Place { from: self.at, to: (self.at + 1).min(self.letters.len()) }
    }

    /// Goes back to an earlier place.
    pub(super) fn back_to(&mut self, place: Place) {
        self.at = place.from;
    }

    /// Takes this letter if it comes next.
    pub(super) fn take(&mut self, letter: char) -> bool {
        let is_next = self.peek() == Some(letter);
        self.at += usize::from(is_next);
        is_next
    }

    /// The sign that comes next.
    pub(super) fn sign(&mut self) -> Option<(&'static str, Place)> {
        self.peek();
        let rest = &self.letters[self.at..];
        let starts = |sign: &&str| {
            sign.chars().zip(rest).filter(|(sign, letter)| sign == *letter).count() == sign.len()
        };
        let sign = SIGNS.into_iter().find(|sign| starts(sign))?;
        let from = self.at;
        self.at += sign.len();
        Some((sign, Place { from, to: self.at }))
    }

    /// The word or quoted text that comes next where a key may stand; an empty word where there is neither.
    pub(super) fn key(&mut self) -> Result<Scanned, QueryProblem> {
        self.text(ends_key)
    }

    /// Likewise where a value may stand.
    pub(super) fn value(&mut self) -> Result<Scanned, QueryProblem> {
        self.text(ends_value)
    }

    fn text(&mut self, ends: fn(char) -> bool) -> Result<Scanned, QueryProblem> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let from = self.at;
        let rest = &self.letters[from..];
        let length = rest.iter().position(|&letter| ends(letter)).unwrap_or(rest.len());
        self.at += length;
        let text = rest[..length].iter().collect();
        Ok(Scanned { text, place: Place { from, to: self.at }, is_quoted: false })
    }

    fn quoted(&mut self) -> Result<Scanned, QueryProblem> {
        let from = self.at;
        let mut text = String::new();
        let mut letters = self.letters[from + 1..].iter().copied().enumerate();
        while let Some((number, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at = from + 1 + number + 1;
                    return Ok(Scanned { text, place: Place { from, to: self.at }, is_quoted: true });
                }
                '\\' => match self.letters.get(from + 1 + number + 1) {
                    Some(&escaped @ ('"' | '\\')) => {
                        text.push(escaped);
                        letters.next();
                    }
                    _ => text.push('\\'),
                },
                _ => text.push(letter),
            }
        }
        let place = Place { from, to: self.letters.len() };
        Err(place.problem("the quoted text does not end: a `\"` is missing"))
    }
}
