//! What a search asks of the database. Whatever the user wrote is a bound parameter; the SQL is made of the names of columns
//! and of the tests in `macros.sql`.
//!
//! A shape stands for many spans, so each test is made on the shapes first. There it is decided, or may still go either
//! way: the value is in the rows, or another span decides. What may be met by a shape is a condition without parameters
//! over the table `search_shapes`; what a row meets is one over its columns beside that.

use duckdb::ToSql;

use super::ast::{AttributeTest, Condition, Order, Test, TextTest};
use super::field::{EVIDENCES, Flag, KINDS, NumberField, TextField};

/// The parameters of one statement, in their order.
#[derive(Default)]
pub(super) struct Params(Vec<Box<dyn ToSql>>);

impl Params {
    /// Adds one; the name it has in the statement.
    pub(super) fn add(&mut self, value: impl ToSql + 'static) -> String {
        self.0.push(Box::new(value));
        format!("${}", self.0.len())
    }

    /// As the database takes them.
    pub(super) fn bound(&self) -> Vec<&dyn ToSql> {
        self.0.iter().map(|value| &**value).collect()
    }
}

/// A condition with numbers for what needs a column or a set.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    OneOf(Vec<Node>),
    Not(Box<Node>),
    /// The number of an `any(…)`.
    Any(usize),
    /// The number of a test.
    Test(usize),
}

/// A condition, taken apart.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) main: Node,
    /// The conditions within `any(…)`.
    pub(super) anys: Vec<Node>,
    tests: Vec<Test>,
}

/// Which sets were too large to be made, so that any span may be in them: by the number of the `any(…)`, and by that of the
/// test for `edge(…)`.
#[derive(Clone, Debug, Default)]
pub(super) struct TooLarge {
    pub(super) anys: Vec<usize>,
    pub(super) edges: Vec<usize>,
}

impl TooLarge {
    /// Whether there are none, so that what is found meets the conditions.
    pub(super) fn is_empty(&self) -> bool {
        self.anys.is_empty() && self.edges.is_empty()
    }
}

impl Plan {
    pub(super) fn of(condition: &Condition) -> Self {
        let mut plan = Self { main: Node::All(Vec::new()), anys: Vec::new(), tests: Vec::new() };
        plan.main = plan.node(condition);
        plan
    }

    fn node(&mut self, condition: &Condition) -> Node {
        let mut all = |parts: &[Condition]| parts.iter().map(|part| self.node(part)).collect();
        match condition {
            Condition::All(parts) => Node::All(all(parts)),
            Condition::OneOf(parts) => Node::OneOf(all(parts)),
            Condition::Not(inner) => Node::Not(Box::new(self.node(inner))),
            Condition::Any(inner) => {
                let inner = self.node(inner);
                self.anys.push(inner);
                Node::Any(self.anys.len() - 1)
            }
            Condition::Test(test) => {
                self.tests.push(test.clone());
                Node::Test(self.tests.len() - 1)
            }
        }
    }

    /// The numbers of the tests for `edge(…)`.
    pub(super) fn edges(&self) -> impl Iterator<Item = usize> {
        let is_edge = |(number, test): (usize, &Test)| matches!(test, Test::Edge { .. }).then_some(number);
        self.tests.iter().enumerate().filter_map(is_edge)
    }

    /// Whether other spans decide about a span.
    pub(super) fn has_sets(&self) -> bool {
        !self.anys.is_empty() || self.edges().next().is_some()
    }

    /// The columns of `search_shapes` beside the number of the shape, each with a comma before it.
    pub(super) fn shape_columns(&self, params: &mut Params) -> String {
        let tests = self.tests.iter().enumerate();
        let columns = tests.flat_map(|(number, test)| {
            let values = shape_values(test, params).into_iter();
            values.map(move |(name, value)| format!(", {value} AS {name}_{number}"))
        });
        columns.collect()
    }

    /// Which shapes a search looks at: those that may be found, be in a set, or call.
    pub(super) fn may_matter(&self) -> String {
        let mut may = vec![self.may(&self.main, false)];
        may.extend(self.anys.iter().map(|inner| self.may(inner, false)));
        may.extend(self.edges().map(|number| format!("caller_{number}")));
        joined(&may, " OR ", "false")
    }

    /// Which shapes may have spans that meet a condition, or that do not meet it.
    pub(super) fn may(&self, node: &Node, negated: bool) -> String {
        match node {
            Node::All(parts) | Node::OneOf(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.may(part, negated)).collect();
                join(node, negated, &parts)
            }
            Node::Not(inner) => self.may(inner, !negated),
            Node::Any(_) => "true".to_owned(),
            Node::Test(number) => match (&self.tests[*number], negated) {
                (test, _) if is_of_row(test) => "true".to_owned(),
                (Test::Attribute(..), false) => format!("(hit_{number} OR place_{number} > 0)"),
                (Test::FreeText(_), false) => "true".to_owned(),
                (Test::Edge { .. }, false) => format!("(hit_{number} OR calls_{number})"),
                (Test::Edge { .. }, true) => format!("NOT calls_{number}"),
                (_, false) => format!("hit_{number}"),
                (_, true) => format!("NOT hit_{number}"),
            },
        }
    }

    /// Which rows meet a condition, or do not meet it, beside their shapes; perhaps some more where a set was too large.
    pub(super) fn exact(
        &self,
        node: &Node,
        negated: bool,
        too_large: &TooLarge,
        params: &mut Params,
    ) -> String {
        match node {
            Node::All(parts) | Node::OneOf(parts) => {
                let exact = |part| self.exact(part, negated, too_large, params);
                let parts: Vec<String> = parts.iter().map(exact).collect();
                join(node, negated, &parts)
            }
            Node::Not(inner) => self.exact(inner, !negated, too_large, params),
            Node::Any(number) if too_large.anys.contains(number) => "true".to_owned(),
            Node::Test(number) if too_large.edges.contains(number) => self.may_of_edge(*number, negated),
            Node::Any(number) => format!("any_{number}.spans IS {} NULL", if negated { "" } else { "NOT" }),
            Node::Test(number) => {
                let test = row_test(&self.tests[*number], *number, params);
                if negated { format!("NOT {test}") } else { test }
            }
        }
    }

    fn may_of_edge(&self, number: usize, negated: bool) -> String {
        let may = self.may(&Node::Test(number), negated);
        may.replace("hit_", "shape.hit_").replace("calls_", "shape.calls_")
    }

    /// The sets that a condition looks into.
    pub(super) fn joins(&self, node: &Node, too_large: &TooLarge) -> String {
        let mut joins = String::new();
        self.collect_joins(node, too_large, &mut joins);
        joins
    }

    fn collect_joins(&self, node: &Node, too_large: &TooLarge, joins: &mut String) {
        match node {
            Node::All(parts) | Node::OneOf(parts) => {
                for part in parts {
                    self.collect_joins(part, too_large, joins);
                }
            }
            Node::Not(inner) => self.collect_joins(inner, too_large, joins),
            Node::Any(number) if !too_large.anys.contains(number) => {
                let join = include_str!("../../sql/search/join_traces.sql");
                joins.push_str(&join.replace("{number}", &number.to_string()));
            }
            Node::Test(number)
                if matches!(self.tests[*number], Test::Edge { .. }) && !too_large.edges.contains(number) =>
            {
                let join = include_str!("../../sql/search/join_callers.sql");
                joins.push_str(&join.replace("{number}", &number.to_string()));
            }
            Node::Any(_) | Node::Test(_) => {}
        }
    }
}

/// Whether a condition looks into a set that was too large.
pub(super) fn looks_into(node: &Node, too_large: &TooLarge) -> bool {
    match node {
        Node::All(parts) | Node::OneOf(parts) => parts.iter().any(|part| looks_into(part, too_large)),
        Node::Not(inner) => looks_into(inner, too_large),
        Node::Any(number) => too_large.anys.contains(number),
        Node::Test(number) => too_large.edges.contains(number),
    }
}

/// Joins the parts of a node, which stand for their contraries where it is negated.
fn join(node: &Node, negated: bool, parts: &[String]) -> String {
    if matches!(node, Node::All(_)) == negated {
        joined(parts, " OR ", "false")
    } else {
        joined(parts, " AND ", "true")
    }
}

fn joined(parts: &[String], between: &str, none: &str) -> String {
    if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(between)) }
}

/// Whether only the row decides.
fn is_of_row(test: &Test) -> bool {
    matches!(
        test,
        Test::Number(NumberField::Duration, ..) | Test::Flag(Flag::Root) | Test::Trace(_) | Test::Span(_)
    )
}

/// What is kept of a test for each shape.
fn shape_values(test: &Test, params: &mut Params) -> Vec<(&'static str, String)> {
    if is_of_row(test) {
        return Vec::new();
    }
    let hit = match test {
        Test::Text(field, text) => text_field(*field, text, params),
        Test::Number(_, order, number) => {
            let number = params.add(*number);
            format!("is_true(http_status <> 0 AND http_status {} {number})", order.sign())
        }
        Test::Flag(flag) => format!("is_true({})", flag_column(*flag)),
        Test::Attribute(key, test) => {
            let key = params.add(key.clone());
            let own = attribute_test(&format!("shapes.attributes[{key}::VARCHAR]"), test, params);
            let resource = attribute_test(&format!("resources.attributes[{key}::VARCHAR]"), test, params);
            let place = format!("place_of(slots, uuid_key, {key})");
            return vec![("hit", format!("({own} OR {resource})")), ("place", place)];
        }
        Test::FreeText(text) => {
            let text = params.add(text.clone());
            format!("(text_contains(name, {text}) OR map_contains_text(shapes.attributes, {text}))")
        }
        Test::Edge { caller, callee } => {
            let is_other = caller != callee;
            let (caller, callee) = (params.add(caller.clone()), params.add(callee.clone()));
            let calls = format!(
                "(text_is(service, {caller}) AND text_is(peer, {callee}) AND is_true(kind IN (3, 4)))"
            );
            return vec![
                ("hit", format!("({is_other} AND text_is(service, {callee}))")),
                ("calls", calls),
                ("caller", format!("text_is(service, {caller})")),
            ];
        }
        Test::Trace(_) | Test::Span(_) => return Vec::new(),
    };
    vec![("hit", hit)]
}

fn text_field(field: TextField, test: &TextTest, params: &mut Params) -> String {
    let column = match field {
        TextField::Kind => {
            let TextTest::Is(word) = test else { return "false".to_owned() };
            let number = KINDS.iter().position(|kind| kind == word).unwrap_or_default();
            // What has a number that OTLP does not know is unspecified.
            return if number == 0 {
                "is_true(kind NOT BETWEEN 1 AND 5)".to_owned()
            } else {
                format!("is_true(kind = {number})")
            };
        }
        TextField::Evidence => {
            let is_xray = matches!(test, TextTest::Is(word) if word == EVIDENCES[1]);
            return if is_xray { "is_true(is_xray)".to_owned() } else { "(NOT is_true(is_xray))".to_owned() };
        }
        TextField::Route => {
            let full = text_test("full_route(route, method)", test, params);
            return format!("({} OR {full})", text_test("route", test, params));
        }
        TextField::Service => "service",
        TextField::Version => "version",
        TextField::Instance => "instance",
        TextField::Namespace => "namespace",
        TextField::Environment => "environment",
        TextField::Name => "name",
        TextField::Method => "method",
        TextField::Peer => "peer",
        TextField::Scope => "scope",
    };
    text_test(column, test, params)
}

fn text_test(value: &str, test: &TextTest, params: &mut Params) -> String {
    match test {
        TextTest::Is(text) => format!("text_is({value}, {})", params.add(text.clone())),
        TextTest::Contains(text) => format!("text_contains({value}, {})", params.add(text.clone())),
    }
}

fn attribute_test(value: &str, test: &AttributeTest, params: &mut Params) -> String {
    match test {
        AttributeTest::Exists => format!("({value} IS NOT NULL)"),
        AttributeTest::Text(test) => text_test(value, test, params),
        AttributeTest::Number(order, number) => {
            format!("is_true(number_of({value}) {} {}::DOUBLE)", order.sign(), params.add(*number))
        }
    }
}

fn flag_column(flag: Flag) -> &'static str {
    match flag {
        Flag::Error => "is_error",
        Flag::Timeout => "is_timeout",
        Flag::Proxy => "is_proxy",
        Flag::Root => "parent_span_id = 0",
    }
}

const ROW_VALUES: &str =
    "span.value_1, span.value_2, span.value_3, span.value_4, span.value_5, span.uuid, span.tail";

/// A test of a row, whose shape stands beside it.
fn row_test(test: &Test, number: usize, params: &mut Params) -> String {
    match test {
        Test::Number(NumberField::Duration, order, ns) => duration_test(*order, *ns, params),
        Test::Flag(Flag::Root) => format!("is_true(span.{})", flag_column(Flag::Root)),
        Test::Trace(id) => {
            let (hi, lo) = (params.add((id >> 64) as u64), params.add(*id as u64));
            format!("(span.trace_hi = {hi} AND span.trace_lo = {lo})")
        }
        Test::Span(id) => format!("(span.span_id = {})", params.add(*id)),
        Test::Attribute(key, test) => {
            let key = params.add(key.clone());
            let value = format!("value_at(shape.place_{number}, {key}, {ROW_VALUES})");
            format!("(shape.hit_{number} OR {})", attribute_test(&value, test, params))
        }
        Test::FreeText(text) => {
            let text = params.add(text.clone());
            format!("(shape.hit_{number} OR row_contains_text({text}, span.status_message, {ROW_VALUES}))")
        }
        Test::Edge { .. } => {
            format!("(shape.calls_{number} OR (shape.hit_{number} AND edge_{number}.spans IS NOT NULL))")
        }
        Test::Text(..) | Test::Number(..) | Test::Flag(_) => format!("shape.hit_{number}"),
    }
}

fn duration_test(order: Order, ns: u64, params: &mut Params) -> String {
    format!("is_true(span.duration_ns {} {})", order.sign(), params.add(ns))
}
