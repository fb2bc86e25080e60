//! Reads a query.

use crate::api::traces::QueryProblem;

use super::ast::{AttributeTest, Condition, Order, Test, TextTest};
use super::field::{Field, Flag, NumberField, TextField, field};
use super::scanner::{Place, Scanned, Scanner};
use super::value;

/// Bytes that a query may have.
pub const MAX_BYTES: usize = 8_192;
/// Parentheses and `not`s within each other.
const MAX_DEPTH: usize = 32;
/// Tests in one query.
const MAX_TESTS: usize = 100;

/// Reads a query; an empty one finds every span.
///
/// # Errors
/// In words, with the place of what cannot be understood.
pub fn parse(query: &str) -> Result<Condition, QueryProblem> {
    if query.len() > MAX_BYTES {
        let whole = Place { from: 0, to: query.chars().count() };
        return Err(whole.problem(format!("the query has {} bytes, more than {MAX_BYTES}", query.len())));
    }
    Parser::new(query).query()
}

/// What stood somewhere while a query was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A key, a word of the grammar, or free text.
    Key,
    /// A value of this key, behind this sign.
    Value { key: String, is_attribute: bool },
    /// A service, in `edge(…)`.
    Service,
}

#[derive(Debug)]
pub(super) struct Parser {
    scanner: Scanner,
    tests: usize,
    depth: usize,
    in_any: bool,
    /// Where the text that was begun last begins, and what it is; for completion.
    pub(super) last: (usize, Role),
}

impl Parser {
    pub(super) fn new(query: &str) -> Self {
        Self { scanner: Scanner::new(query), tests: 0, depth: 0, in_any: false, last: (0, Role::Key) }
    }

    pub(super) fn query(&mut self) -> Result<Condition, QueryProblem> {
        if self.next_is_end() {
            return Ok(Condition::All(Vec::new()));
        }
        let condition = self.one_of()?;
        match self.scanner.peek() {
            None => Ok(condition),
            Some(letter) => {
                let message = match letter {
                    ')' => "this `)` has no `(` before it".to_owned(),
                    ',' => {
                        "a `,` stands only in edge(caller, callee); conditions follow each other without one"
                            .to_owned()
                    }
                    _ => format!("a condition is expected, not `{letter}`"),
                };
                Err(self.scanner.here().problem(message))
            }
        }
    }

    /// Whether nothing follows.
    fn next_is_end(&mut self) -> bool {
        let is_end = self.scanner.peek().is_none();
        if is_end && self.scanner.is_behind_space() {
            self.last = (self.scanner.at(), Role::Key);
        }
        is_end
    }

    /// Takes a word of the grammar if it comes next, alone or before `(`.
    fn word(&mut self, word: &str) -> bool {
        let place = self.scanner.here();
        let is_next = self
            .scanner
            .key()
            .is_ok_and(|scanned| !scanned.is_quoted && scanned.text.eq_ignore_ascii_case(word))
            && self.scanner.sign().is_none();
        if !is_next {
            self.scanner.back_to(place);
        }
        is_next
    }

    fn one_of(&mut self) -> Result<Condition, QueryProblem> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        if parts.len() > 1 { Ok(Condition::OneOf(parts)) } else { Ok(single(parts)) }
    }

    fn all(&mut self) -> Result<Condition, QueryProblem> {
        let mut parts = vec![self.operand()?];
        loop {
            if self.word("and") {
                parts.push(self.operand()?);
                continue;
            }
            if self.next_is_end() || matches!(self.scanner.peek(), Some(')' | ',')) || self.or_is_next() {
                break;
            }
            parts.push(self.operand()?);
        }
        if parts.len() > 1 { Ok(Condition::All(parts)) } else { Ok(single(parts)) }
    }

    fn or_is_next(&mut self) -> bool {
        let place = self.scanner.here();
        let is_next = self.word("or");
        self.scanner.back_to(place);
        is_next
    }

    fn operand(&mut self) -> Result<Condition, QueryProblem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("conditions stand more than {MAX_DEPTH} deep within each other");
            return Err(self.scanner.here().problem(message));
        }
        let operand = self.operand_within();
        self.depth -= 1;
        operand
    }

    fn operand_within(&mut self) -> Result<Condition, QueryProblem> {
        self.last = (self.scanner.here().from, Role::Key);
        if self.word("not") {
            return Ok(Condition::Not(Box::new(self.operand()?)));
        }
        let open = self.scanner.here();
        if self.scanner.take('(') {
            return self.within(open);
        }
        let key = self.scanner.key()?;
        // With white space between them, a word and a parenthesis are two conditions.
        if !key.is_quoted && self.scanner.is_before('(') {
            let open = self.scanner.here();
            match key.text.to_ascii_lowercase().as_str() {
                "any" => return self.any(key.place),
                "edge" => return self.edge(),
                "has" => return self.has(),
                "" => {}
                _ => {
                    let message =
                        format!("`{}` is no function: there are any(…), edge(…, …) and has(…)", key.text);
                    return Err(Place { from: key.place.from, to: open.to }.problem(message));
                }
            }
        }
        self.test(&key)
    }

    /// What stands in parentheses, of which the first has been read.
    fn within(&mut self, open: Place) -> Result<Condition, QueryProblem> {
        if self.scanner.peek() == Some(')') {
            let place = Place { from: open.from, to: self.scanner.here().to };
            return Err(place.problem("a condition is expected between `(` and `)`"));
        }
        let inner = self.one_of()?;
        if !self.scanner.take(')') {
            return Err(match self.scanner.peek() {
                None => open.problem("this `(` has no `)` behind it"),
                Some(letter) => {
                    self.scanner.here().problem(format!("a condition or `)` is expected, not `{letter}`"))
                }
            });
        }
        Ok(inner)
    }

    fn any(&mut self, place: Place) -> Result<Condition, QueryProblem> {
        if self.in_any {
            return Err(place.problem("any(…) cannot stand in any(…): both speak of the same trace"));
        }
        let open = self.scanner.here();
        self.scanner.take('(');
        self.in_any = true;
        let inner = self.within(open);
        self.in_any = false;
        Ok(Condition::Any(Box::new(inner?)))
    }

    fn edge(&mut self) -> Result<Condition, QueryProblem> {
        let open = self.scanner.here();
        self.scanner.take('(');
        let caller = self.service("caller")?;
        if !self.scanner.take(',') {
            let message = "a `,` is expected, and the service that is called: edge(caller, callee)";
            return Err(self.scanner.here().problem(message));
        }
        let callee = self.service("callee")?;
        if !self.scanner.take(')') {
            return Err(open.problem("this `(` has no `)` behind two services: edge(caller, callee)"));
        }
        self.count(open)?;
        Ok(Condition::Test(Test::Edge { caller, callee }))
    }

    fn service(&mut self, role: &str) -> Result<String, QueryProblem> {
        self.last = (self.scanner.here().from, Role::Service);
        let scanned = self.scanner.value()?;
        if scanned.text.is_empty() {
            let message = format!("the name of the {role} is expected: edge(caller, callee)");
            return Err(self.scanner.here().problem(message));
        }
        Ok(scanned.text)
    }

    fn has(&mut self) -> Result<Condition, QueryProblem> {
        let open = self.scanner.here();
        self.scanner.take('(');
        let key = self.scanner.value()?;
        if key.text.is_empty() {
            return Err(self.scanner.here().problem("the key of an attribute is expected: has(key)"));
        }
        if !self.scanner.take(')') {
            return Err(open.problem("this `(` has no `)` behind one key: has(key)"));
        }
        self.count(open)?;
        Ok(Condition::Test(Test::Attribute(key.text, AttributeTest::Exists)))
    }

    fn count(&mut self, place: Place) -> Result<(), QueryProblem> {
        self.tests += 1;
        if self.tests > MAX_TESTS {
            return Err(place.problem(format!("the query has more than {MAX_TESTS} conditions")));
        }
        Ok(())
    }

    /// The test that begins with this key, or is it.
    fn test(&mut self, key: &Scanned) -> Result<Condition, QueryProblem> {
        self.count(key.place)?;
        if key.text.is_empty() && !key.is_quoted {
            return Err(self.no_key());
        }
        let Some((sign, sign_place)) = self.scanner.sign() else { return lone(key) };
        let field = if key.is_quoted { None } else { field(&key.text) };
        let role = Role::Value { key: key.text.clone(), is_attribute: field.is_none() };
        self.last = (self.scanner.here().from, role);
        let value = self.scanner.value()?;
        if value.text.is_empty() && !value.is_quoted {
            let message = format!("a value is expected behind `{sign}`; one that is empty is written \"\"");
            return Err(sign_place.problem(message));
        }
        if !value.is_quoted && value.text.starts_with(['=', '!', '~', '<', '>']) {
            let message = "signs are = != ~ !~ > >= < <=; a value that begins with one is written in quotes";
            let place = Place { from: sign_place.from, to: value.place.from + 1 };
            return Err(place.problem(message));
        }
        if key.text.is_empty() {
            return Err(key.place.problem("a key is expected, not an empty text"));
        }
        let (sign, is_negated) = match sign {
            "!=" => ("=", true),
            "!~" => ("~", true),
            sign => (sign, false),
        };
        let test = match field {
            None => attribute(key, sign, &value)?,
            Some(Field::Text(field)) => text(field, sign, sign_place, &value)?,
            Some(Field::Number(field)) => number(field, sign, sign_place, &value)?,
            Some(Field::Flag(flag)) => return fact(flag, sign, is_negated, sign_place, &value),
            Some(id @ (Field::Trace | Field::Span)) => identity(id, sign, sign_place, &value)?,
        };
        let test = Condition::Test(test);
        Ok(if is_negated { Condition::Not(Box::new(test)) } else { test })
    }

    fn no_key(&mut self) -> QueryProblem {
        let place = self.scanner.here();
        match self.scanner.peek() {
            None => place.problem("a condition is expected here"),
            Some('!') => place.problem("a condition is expected, not `!`: write `not` before a condition"),
            Some(letter) => place.problem(format!("a condition is expected, not `{letter}`")),
        }
    }
}

fn single(mut parts: Vec<Condition>) -> Condition {
    parts.pop().unwrap_or(Condition::All(Vec::new()))
}

/// A key, fact or free text without a sign.
fn lone(key: &Scanned) -> Result<Condition, QueryProblem> {
    if key.is_quoted {
        return Ok(Condition::Test(Test::FreeText(key.text.clone())));
    }
    let test = match field(&key.text) {
        Some(Field::Flag(flag)) => Test::Flag(flag),
        None if super::field::is_reserved(&key.text) => {
            let message = match key.text.to_ascii_lowercase().as_str() {
                "any" => "`any` needs a condition: any(…)",
                "edge" => "`edge` needs two services: edge(caller, callee)",
                "has" => "`has` needs the key of an attribute: has(key)",
                _ => "a condition is expected on both sides of `or` and `and`, and behind `not`",
            };
            return Err(key.place.problem(message));
        }
        None => Test::Attribute(key.text.clone(), AttributeTest::Exists),
        Some(field) => {
            let word = &key.text;
            let example = match field {
                Field::Number(NumberField::Duration) => "duration>250ms",
                Field::Number(NumberField::Status) => "status>=500",
                Field::Text(TextField::Kind) => "kind=server",
                Field::Text(TextField::Evidence) => "evidence=xray",
                _ => {
                    return Err(key
                        .place
                        .problem(format!("`{word}` needs a sign and a value, as in `{word}=…`")));
                }
            };
            return Err(key.place.problem(format!("`{word}` needs a sign and a value, as in `{example}`")));
        }
    };
    Ok(Condition::Test(test))
}

fn text_test(sign: &str, value: &Scanned) -> Option<TextTest> {
    match sign {
        "=" => Some(TextTest::Is(value.text.clone())),
        "~" => Some(TextTest::Contains(value.text.clone())),
        _ => None,
    }
}

fn order(sign: &str) -> Option<Order> {
    [Order::Equal, Order::Less, Order::AtMost, Order::Greater, Order::AtLeast]
        .into_iter()
        .find(|order| order.sign() == sign)
}

fn attribute(key: &Scanned, sign: &str, value: &Scanned) -> Result<Test, QueryProblem> {
    let test = if let Some(test) = text_test(sign, value) {
        AttributeTest::Text(test)
    } else {
        let number = value.text.parse::<f64>().ok().filter(|number| number.is_finite());
        let (Some(number), Some(order)) = (number, order(sign)) else {
            return Err(value
                .place
                .problem(format!("a number is expected behind `{sign}`, not `{}`", value.text)));
        };
        AttributeTest::Number(order, number)
    };
    Ok(Test::Attribute(key.text.clone(), test))
}

fn text(field: TextField, sign: &str, place: Place, value: &Scanned) -> Result<Test, QueryProblem> {
    let word = field.word();
    let Some(choices) = field.choices() else {
        let problem =
            || place.problem(format!("`{word}` is a text: = != ~ and !~ are expected, not `{sign}`"));
        return text_test(sign, value).map(|test| Test::Text(field, test)).ok_or_else(problem);
    };
    if sign != "=" {
        return Err(
            place.problem(format!("`{word}` is one of a few words: = or != is expected, not `{sign}`"))
        );
    }
    let choice = value.text.to_ascii_lowercase();
    if !choices.contains(&choice.as_str()) {
        let message = format!("`{word}` is {}, not `{}`", choices.join(", "), value.text);
        return Err(value.place.problem(message));
    }
    Ok(Test::Text(field, TextTest::Is(choice)))
}

fn number(field: NumberField, sign: &str, place: Place, value: &Scanned) -> Result<Test, QueryProblem> {
    let word = field.word();
    let Some(order) = order(sign) else {
        let message = format!("`{word}` is a number: = != > >= < and <= are expected, not `{sign}`");
        return Err(place.problem(message));
    };
    let number = match field {
        NumberField::Duration => value::duration(&value.text).ok_or_else(|| {
            let message = format!(
                "a duration is a number with ns, us, ms, s, m or h, as in 250ms, not `{}`",
                value.text
            );
            value.place.problem(message)
        })?,
        NumberField::Status => value.text.parse::<u16>().map(u64::from).map_err(|_| {
            value.place.problem(format!("an HTTP status is a number such as 503, not `{}`", value.text))
        })?,
    };
    Ok(Test::Number(field, order, number))
}

fn fact(
    flag: Flag,
    sign: &str,
    is_negated: bool,
    place: Place,
    value: &Scanned,
) -> Result<Condition, QueryProblem> {
    let is_true = match (sign, value.text.as_str()) {
        ("=", "true") => !is_negated,
        ("=", "false") => is_negated,
        _ => {
            let word = flag.word();
            let message = format!("`{word}` stands alone, or as `{word}=true` or `{word}=false`");
            return Err(Place { from: place.from, to: value.place.to }.problem(message));
        }
    };
    let test = Condition::Test(Test::Flag(flag));
    Ok(if is_true { test } else { Condition::Not(Box::new(test)) })
}

fn identity(field: Field, sign: &str, place: Place, value: &Scanned) -> Result<Test, QueryProblem> {
    if sign != "=" {
        return Err(place.problem(format!("an id is equal or not: = or != is expected, not `{sign}`")));
    }
    if field == Field::Span {
        let message = || format!("the id of a span is 16 hexadecimal digits, not `{}`", value.text);
        return value::span_id(&value.text).map(Test::Span).ok_or_else(|| value.place.problem(message()));
    }
    let message =
        || format!("the id of a trace is 32 hexadecimal digits or as X-Ray writes it, not `{}`", value.text);
    value::trace_id(&value.text).map(Test::Trace).ok_or_else(|| value.place.problem(message()))
}

#[cfg(test)]
mod tests;
