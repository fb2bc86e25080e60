//! The messages of OTLP requests: the JSON name, number and type of each field.

use crate::otlp::signal::Signal;

mod logs;
mod metrics;

/// One message.
pub(super) struct Schema {
    /// Its name, with an article, for error messages.
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// One field of a message.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) is_repeated: bool,
}

/// The type of a field.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Bytes that JSON writes in hex: ids.
    Hex,
    /// Bytes that JSON writes in base64: all others.
    Base64,
    Bool,
    /// A whole number with or without a sign that is a varint on the wire.
    Int,
    /// A whole number without a sign that is a varint on the wire.
    Uint,
    /// A whole number whose sign is its lowest bit on the wire.
    Sint32,
    /// The names of its numbers from zero on.
    Enum(&'static [&'static str]),
    Fixed64,
    Sfixed64,
    Fixed32,
    Double,
    Message(&'static Schema),
}

impl Kind {
    /// What a value of it is, for error messages.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Hex => "hexadecimal text",
            Self::Base64 => "base64 text",
            Self::Bool => "a boolean",
            Self::Message(_) => "an object",
            _ => "a number",
        }
    }
}

const fn one(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind, is_repeated: false }
}

const fn many(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind, is_repeated: true }
}

/// The request of a signal.
pub(super) fn request(signal: Signal) -> &'static Schema {
    match signal {
        Signal::Traces => &TRACES,
        Signal::Metrics => &metrics::METRICS,
        Signal::Logs => &logs::LOGS,
    }
}

/// `ExportTraceServiceRequest`.
static TRACES: Schema =
    Schema { name: "an export request", fields: &[many("resourceSpans", 1, Kind::Message(&RESOURCE_SPANS))] };

static RESOURCE_SPANS: Schema = Schema {
    name: "resource spans",
    fields: &[
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeSpans", 2, Kind::Message(&SCOPE_SPANS)),
        one("schemaUrl", 3, Kind::Text),
    ],
};

static RESOURCE: Schema = Schema {
    name: "a resource",
    fields: &[many("attributes", 1, Kind::Message(&KEY_VALUE)), one("droppedAttributesCount", 2, Kind::Int)],
};

static SCOPE_SPANS: Schema = Schema {
    name: "scope spans",
    fields: &[
        one("scope", 1, Kind::Message(&SCOPE)),
        many("spans", 2, Kind::Message(&SPAN)),
        one("schemaUrl", 3, Kind::Text),
    ],
};

static SCOPE: Schema = Schema {
    name: "a scope",
    fields: &[
        one("name", 1, Kind::Text),
        one("version", 2, Kind::Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Kind::Int),
    ],
};

static SPAN: Schema = Schema {
    name: "a span",
    fields: &[
        one("traceId", 1, Kind::Hex),
        one("spanId", 2, Kind::Hex),
        one("traceState", 3, Kind::Text),
        one("parentSpanId", 4, Kind::Hex),
        one("name", 5, Kind::Text),
        one("kind", 6, Kind::Enum(&SPAN_KINDS)),
        one("startTimeUnixNano", 7, Kind::Fixed64),
        one("endTimeUnixNano", 8, Kind::Fixed64),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 10, Kind::Int),
        many("events", 11, Kind::Message(&EVENT)),
        one("droppedEventsCount", 12, Kind::Int),
        many("links", 13, Kind::Message(&LINK)),
        one("droppedLinksCount", 14, Kind::Int),
        one("status", 15, Kind::Message(&STATUS)),
        one("flags", 16, Kind::Fixed32),
    ],
};

const SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static EVENT: Schema = Schema {
    name: "an event",
    fields: &[
        one("timeUnixNano", 1, Kind::Fixed64),
        one("name", 2, Kind::Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Kind::Int),
    ],
};

static LINK: Schema = Schema {
    name: "a link",
    fields: &[
        one("traceId", 1, Kind::Hex),
        one("spanId", 2, Kind::Hex),
        one("traceState", 3, Kind::Text),
        many("attributes", 4, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 5, Kind::Int),
        one("flags", 6, Kind::Fixed32),
    ],
};

static STATUS: Schema = Schema {
    name: "a status",
    fields: &[one("message", 2, Kind::Text), one("code", 3, Kind::Enum(&STATUS_CODES))],
};

const STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

static KEY_VALUE: Schema = Schema {
    name: "an attribute",
    fields: &[one("key", 1, Kind::Text), one("value", 2, Kind::Message(&ANY_VALUE))],
};

static ANY_VALUE: Schema = Schema {
    name: "an attribute's value",
    fields: &[
        one("stringValue", 1, Kind::Text),
        one("boolValue", 2, Kind::Bool),
        one("intValue", 3, Kind::Int),
        one("doubleValue", 4, Kind::Double),
        one("arrayValue", 5, Kind::Message(&ARRAY_VALUE)),
        one("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
        one("bytesValue", 7, Kind::Base64),
    ],
};

static ARRAY_VALUE: Schema =
    Schema { name: "an array value", fields: &[many("values", 1, Kind::Message(&ANY_VALUE))] };

static KEY_VALUE_LIST: Schema =
    Schema { name: "a list of attributes", fields: &[many("values", 1, Kind::Message(&KEY_VALUE))] };
