//! Looking for traces: a small language of conditions on spans, what it asks of the store, what may be written next, and
//! what tells two sets of spans apart. See `docs/traces.md`.

mod ast;
mod compare;
mod complete;
mod field;
mod find;
mod parser;
mod plan;
mod scanner;
mod session;
mod statistics;
mod summary;
mod value;
mod vocabulary;

pub use ast::{AttributeTest, Condition, Order, Test, TextTest};
pub use compare::{SpanSet, compare};
pub use complete::complete;
pub use field::{Flag, NumberField, TextField};
pub use find::{TraceQuery, search};
pub use parser::{MAX_BYTES, parse};
pub use session::{AROUND_NS, SearchOrder, Times};
pub use vocabulary::{RecentVocabulary, Vocabulary};

/// A time as RFC 3339 with nanoseconds.
fn time_text(ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(ns))
        .map_or_else(|_| String::new(), |time| format!("{time:.9}"))
}

#[cfg(test)]
mod tests;
