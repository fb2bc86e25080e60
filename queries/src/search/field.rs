//! The words that mean something of their own.

/// Texts that every span may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextField {
    /// `service.name`.
    Service,
    /// `service.version`.
    Version,
    /// `service.instance.id`.
    Instance,
    /// `service.namespace`.
    Namespace,
    /// `deployment.environment.name`.
    Environment,
    /// Name of the operation.
    Name,
    /// Template of the path, or method and template.
    Route,
    /// Method of the request.
    Method,
    /// What is called.
    Peer,
    /// Name of the instrumentation scope.
    Scope,
    /// `server`, `client`, `producer`, `consumer`, `internal` or `unspecified`.
    Kind,
    /// `trace` or `xray`.
    Evidence,
}

/// Numbers that every span may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberField {
    /// ns.
    Duration,
    /// HTTP status of the answer.
    Status,
}

/// Facts of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// It failed.
    Error,
    /// It failed by a time-out.
    Timeout,
    /// A proxy made it.
    Proxy,
    /// It has no parent.
    Root,
}

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Text(TextField),
    Number(NumberField),
    Flag(Flag),
    Trace,
    Span,
}

/// The kinds of spans as they are written, by their numbers.
pub(super) const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
/// What spans may be told by.
pub(super) const EVIDENCES: [&str; 2] = ["trace", "xray"];

/// Each word with what it stands for and what it is, in a few words.
pub(super) const FIELDS: [(&str, Field, &str); 20] = [
    ("service", Field::Text(TextField::Service), "service that made the span"),
    ("route", Field::Text(TextField::Route), "template of the path, or method and template"),
    ("duration", Field::Number(NumberField::Duration), "how long it took, as in 250ms"),
    ("error", Field::Flag(Flag::Error), "the span failed"),
    ("status", Field::Number(NumberField::Status), "HTTP status"),
    ("version", Field::Text(TextField::Version), "version of the service"),
    ("name", Field::Text(TextField::Name), "name of the operation"),
    ("method", Field::Text(TextField::Method), "method of the request"),
    ("root", Field::Flag(Flag::Root), "the span has no parent"),
    ("kind", Field::Text(TextField::Kind), "side of a call"),
    ("peer", Field::Text(TextField::Peer), "what is called: a database, a queue, a host"),
    ("timeout", Field::Flag(Flag::Timeout), "the span failed by a time-out"),
    ("proxy", Field::Flag(Flag::Proxy), "a proxy made the span"),
    ("instance", Field::Text(TextField::Instance), "process or proxy"),
    ("environment", Field::Text(TextField::Environment), "deployment environment"),
    ("namespace", Field::Text(TextField::Namespace), "namespace of the service"),
    ("evidence", Field::Text(TextField::Evidence), "what tells of the span"),
    ("scope", Field::Text(TextField::Scope), "instrumentation scope"),
    ("trace", Field::Trace, "id of the trace"),
    ("span", Field::Span, "id of the span"),
];

/// Words of the grammar.
pub(super) const GRAMMAR: [&str; 6] = ["and", "or", "not", "any", "edge", "has"];

/// What a word stands for, where it is not the key of an attribute.
pub(super) fn field(word: &str) -> Option<Field> {
    FIELDS.iter().find(|(known, ..)| *known == word).map(|&(_, field, _)| field)
}

/// Whether a word means something of its own, so that an attribute with this key is quoted.
pub(super) fn is_reserved(word: &str) -> bool {
    field(word).is_some() || GRAMMAR.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn word_of(wanted: Field) -> &'static str {
    FIELDS.iter().find(|(_, field, _)| *field == wanted).map_or("", |&(word, ..)| word)
}

impl TextField {
    /// As it is written.
    pub fn word(self) -> &'static str {
        word_of(Field::Text(self))
    }

    /// The only values it may have, where these are few.
    pub(super) fn choices(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Kind => Some(&KINDS),
            Self::Evidence => Some(&EVIDENCES),
            _ => None,
        }
    }
}

impl NumberField {
    /// As it is written.
    pub fn word(self) -> &'static str {
        word_of(Field::Number(self))
    }
}

impl Flag {
    /// As it is written.
    pub fn word(self) -> &'static str {
        word_of(Field::Flag(self))
    }
}
