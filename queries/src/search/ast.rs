//! A query as understood, and how it is written.

use std::fmt::{self, Display, Formatter};

use super::field::{Flag, NumberField, TextField, is_reserved};
use super::scanner::{is_plain_key, is_plain_value};
use super::value;

/// What a span must be like to be found. All of it is about one span, but for what stands in [`Condition::Any`].
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of these; every span where there are none.
    All(Vec<Condition>),
    /// At least one of these, of which there are two or more.
    OneOf(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// Some span of the same trace is like this. It holds no other `Any`.
    Any(Box<Condition>),
    /// One test.
    Test(Test),
}

/// One test of a span. What a span does not have meets no test.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A text that every span may have.
    Text(TextField, TextTest),
    /// A number that every span may have.
    Number(NumberField, Order, u64),
    /// A fact.
    Flag(Flag),
    /// It belongs to this trace.
    Trace(u128),
    /// It has this id.
    Span(u64),
    /// The span or its resource has an attribute with this key that is like this.
    Attribute(String, AttributeTest),
    /// The text is in its name, its status message or the value of an attribute.
    FreeText(String),
    /// It is a call from one service to the other: the callee's span below one of the caller's, or a client span of the
    /// caller that names the callee as its peer.
    Edge {
        /// Service that calls.
        caller: String,
        /// Service or peer that is called.
        callee: String,
    },
}

/// How a text must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    /// Exactly so.
    Is(String),
    /// This is in it, upper or lower case.
    Contains(String),
}

/// How an attribute must be.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeTest {
    /// It is there.
    Exists,
    /// Its text.
    Text(TextTest),
    /// Its number; a text that is no decimal number meets no such test.
    Number(Order, f64),
}

/// How a number must stand to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

impl Order {
    /// As it is written, in queries and in SQL alike.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Condition {
    /// The parts that must all hold: those of a query whose conditions stand one after the other.
    pub fn parts(&self) -> &[Condition] {
        match self {
            Self::All(parts) => parts,
            single => std::slice::from_ref(single),
        }
    }

    /// Both this and the others.
    #[must_use]
    pub fn and(self, others: Vec<Condition>) -> Self {
        let mut parts = match self {
            Self::All(parts) => parts,
            single => vec![single],
        };
        parts.extend(others);
        if parts.len() == 1
            && let Some(single) = parts.pop()
        {
            return single;
        }
        Self::All(parts)
    }

    /// Writes it as an operand, in parentheses where it would fall apart otherwise.
    fn write_operand(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(_) | Self::OneOf(_) => write!(formatter, "({self})"),
            _ => write!(formatter, "{self}"),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => write_joined(formatter, parts, " "),
            Self::OneOf(parts) => write_joined(formatter, parts, " or "),
            Self::Not(inner) => match &**inner {
                Self::Test(test) if test.write_with("!", formatter)? => Ok(()),
                inner => {
                    write!(formatter, "not ")?;
                    inner.write_operand(formatter)
                }
            },
            Self::Any(inner) => write!(formatter, "any({inner})"),
            Self::Test(test) => test.write_with("", formatter).map(|_| ()),
        }
    }
}

fn write_joined(formatter: &mut Formatter<'_>, parts: &[Condition], between: &str) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            write!(formatter, "{between}")?;
        }
        part.write_operand(formatter)?;
    }
    Ok(())
}

impl Test {
    /// Writes it with `not` before its sign, which is `!` or nothing; with `!` only where there is such a sign, and says
    /// whether there was.
    fn write_with(&self, not: &str, formatter: &mut Formatter<'_>) -> Result<bool, fmt::Error> {
        let has_negated_sign = match self {
            Self::Text(..) | Self::Trace(_) | Self::Span(_) | Self::Attribute(_, AttributeTest::Text(_)) => {
                true
            }
            Self::Number(_, order, _) => *order == Order::Equal,
            _ => false,
        };
        if !not.is_empty() && !has_negated_sign {
            return Ok(false);
        }
        match self {
            Self::Text(field, test) => {
                write!(formatter, "{}{not}", field.word())?;
                test.write(formatter)?;
            }
            Self::Number(NumberField::Duration, order, ns) => {
                write!(formatter, "duration{not}{}{}", order.sign(), value::duration_text(*ns))?;
            }
            Self::Number(field, order, number) => {
                write!(formatter, "{}{not}{}{number}", field.word(), order.sign())?;
            }
            Self::Flag(flag) => write!(formatter, "{}", flag.word())?,
            Self::Trace(id) => write!(formatter, "trace{not}={id:032x}")?,
            Self::Span(id) => write!(formatter, "span{not}={id:016x}")?,
            Self::Attribute(key, AttributeTest::Exists) if is_plain_key(key) && !is_reserved(key) => {
                write!(formatter, "{key}")?;
            }
            Self::Attribute(key, AttributeTest::Exists) => write!(formatter, "has({})", quoted(key))?,
            Self::Attribute(key, test) => {
                write!(formatter, "{}{not}", key_text(key))?;
                match test {
                    AttributeTest::Text(test) => test.write(formatter)?,
                    AttributeTest::Number(order, number) => write!(formatter, "{}{number}", order.sign())?,
                    AttributeTest::Exists => {}
                }
            }
            Self::FreeText(text) => write!(formatter, "{}", quoted(text))?,
            Self::Edge { caller, callee } => {
                write!(formatter, "edge({}, {})", value_text(caller), value_text(callee))?;
            }
        }
        Ok(true)
    }
}

impl TextTest {
    fn write(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(text) => write!(formatter, "={}", value_text(text)),
            Self::Contains(text) => write!(formatter, "~{}", value_text(text)),
        }
    }
}

/// A key as it is written before a sign; keys that mean something else are quoted.
pub(super) fn key_text(key: &str) -> String {
    if is_plain_key(key) && !is_reserved(key) { key.to_owned() } else { quoted(key) }
}

/// A value as it is written behind a sign.
pub(super) fn value_text(value: &str) -> String {
    if is_plain_value(value) { value.to_owned() } else { quoted(value) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
