//! Finds where the values of a line end.

use std::collections::HashSet;

use crate::access_log::field::{Field, Shape};

/// How many bytes may be looked at before a line is given up. Lines of Envoy need a few hundred; only lines that were
/// made to mislead the search come near.
const MAX_EFFORT: usize = 4 << 20;

/// What each look costs besides the bytes.
const EFFORT_PER_LOOK: usize = 16;

/// The values of the operators, if the whole line can be matched.
pub(super) fn values<'a>(operators: &[(Field, String)], line: &'a str) -> Option<Vec<&'a str>> {
    let mut search = Search { operators, line, effort: 0, dead_ends: HashSet::new(), values: Vec::new() };
    search.values.reserve(operators.len());
    search.from(0, 0).is_match().then_some(search.values)
}

struct Search<'a, 'f> {
    operators: &'f [(Field, String)],
    line: &'a str,
    effort: usize,
    /// Operators and places from which the rest of the line cannot be matched.
    dead_ends: HashSet<(usize, usize)>,
    values: Vec<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    NoMatch,
    GivenUp,
}

impl Outcome {
    fn is_match(self) -> bool {
        self == Self::Match
    }
}

impl Search<'_, '_> {
    /// Matches the operators from `index` on with the line from `place` on.
    fn from(&mut self, index: usize, place: usize) -> Outcome {
        let Some((field, literal)) = self.operators.get(index) else {
            return if place == self.line.len() { Outcome::Match } else { Outcome::NoMatch };
        };
        if self.dead_ends.contains(&(index, place)) {
            return Outcome::NoMatch;
        }
        let rest = &self.line[place..];
        let shape = field.shape();
        let reach = shape.reach(rest);
        self.effort += reach.min(rest.len());
        let outcome = if literal.is_empty() {
            // The last one takes what there is; one before another takes what it can.
            self.value_ends(index, place, reach)
        } else {
            self.try_ends(index, place, reach, literal)
        };
        if outcome == Outcome::NoMatch {
            self.dead_ends.insert((index, place));
        }
        outcome
    }

    /// Tries every place within reach where the literal stands, the nearest first.
    fn try_ends(&mut self, index: usize, place: usize, reach: usize, literal: &str) -> Outcome {
        let window_end = (place + reach + literal.len()).min(self.line.len());
        let mut from = place;
        loop {
            // The end of the window may lie within a character, which then is no part of the literal.
            let Some(window) = self.line.as_bytes().get(from..window_end) else { return Outcome::NoMatch };
            self.effort += EFFORT_PER_LOOK;
            if self.effort > MAX_EFFORT {
                return Outcome::GivenUp;
            }
            let Some(found) = find(window, literal.as_bytes()) else {
                self.effort += window.len();
                return Outcome::NoMatch;
            };
            self.effort += found;
            let end = from + found;
            match self.value_ends(index, place, end - place) {
                Outcome::NoMatch if self.later_ends_fail_too(index) => return Outcome::NoMatch,
                Outcome::NoMatch => from = end + 1,
                outcome => return outcome,
            }
        }
    }

    /// Where free text follows, and cannot be matched from one place, it cannot be from a later one: the text could have
    /// begun at the earlier place as well. That does not hold if the value before it was what did not match.
    fn later_ends_fail_too(&self, index: usize) -> bool {
        self.operators[index].0.shape() != Shape::Readable
            && self.operators.get(index + 1).is_some_and(|(next, _)| next.shape() == Shape::Text)
    }

    fn value_ends(&mut self, index: usize, place: usize, length: usize) -> Outcome {
        let (field, literal) = &self.operators[index];
        let value = &self.line[place..place + length];
        if field.shape() == Shape::Readable && !field.accepts(value) {
            return Outcome::NoMatch;
        }
        self.values.push(value);
        let outcome = self.from(index + 1, place + length + literal.len());
        if !outcome.is_match() {
            self.values.pop();
        }
        outcome
    }
}

/// Where `needle`, which is not empty, first stands in `haystack`.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
