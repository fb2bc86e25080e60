//! Spans: what a source decodes, and the columns and skeletons they become.

use std::borrow::Cow;

mod batch;
mod shape;
mod skeleton;

pub use super::resource::Resource;
pub use batch::{SHAPE_COLUMN, SpanBatch, SpanBatchBuilder};
pub use shape::{BuildHashIsKey, SHAPE_TEXTS, SLOTS, Shape, Shapes, VaryingKeys};
pub use skeleton::{Peer, PeerKind, Skeleton, SpanFlags, Traits, Workload};

/// One span as decoded, borrowed from its request.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not depend on each other")]
pub struct SpanRow<'a> {
    /// Never zero.
    pub trace_id: u128,
    /// Never zero.
    pub span_id: u64,
    /// Zero for a root span.
    pub parent_span_id: u64,
    /// Start, ns since 1970.
    pub start_ns: i64,
    /// End minus start; zero where the span has no end or ends before it starts.
    pub duration_ns: u64,
    /// `service.name`; `unknown_service` where there is none.
    pub service: &'a str,
    /// `service.namespace`, or empty.
    pub namespace: &'a str,
    /// `service.version`, or empty.
    pub version: &'a str,
    /// `service.instance.id`, or empty.
    pub instance: &'a str,
    /// `deployment.environment.name`, or empty.
    pub environment: &'a str,
    /// Which side of a call it is.
    pub kind: SpanKind,
    /// Name of the operation.
    pub name: &'a str,
    /// The status that the span states itself.
    pub status: SpanStatus,
    /// The text beside the status, or empty.
    pub status_message: &'a str,
    /// Whether the operation failed, see the semantic conventions module of the receiver.
    pub is_error: bool,
    /// Whether it failed by a time-out.
    pub is_timeout: bool,
    /// Whether a proxy made the span and not the application.
    pub is_proxy: bool,
    /// Whether it was told as a segment of AWS X-Ray.
    pub is_xray: bool,
    /// How the caller and the callee spoke.
    pub protocol: Protocol,
    /// HTTP method or RPC method, or empty.
    pub method: &'a str,
    /// Route template, or a path with its ids folded, or empty. Never a raw path.
    pub route: &'a str,
    /// HTTP status of the answer; zero where there was none.
    pub http_status: u16,
    /// What is called, where the span names it: a database, a queue, another service, a host.
    pub peer: Option<PeerRef<'a>>,
    /// All attributes of the span as text, each key once: arrays and maps as JSON.
    pub attributes: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// Name of the instrumentation scope, or empty.
    pub scope: &'a str,
    /// The span's events as a JSON array, or empty where there are none.
    pub events: &'a str,
    /// The span's links as a JSON array, or empty where there are none.
    pub links: &'a str,
}

/// Something that a client or producer span says it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerRef<'a> {
    /// What it is.
    pub kind: PeerKind,
    /// `postgresql`, `kafka`, or empty.
    pub system: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Which side of a call a span is, numbered as in OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SpanKind {
    /// Not stated; treated as internal.
    #[default]
    Unspecified = 0,
    /// Work inside a service.
    Internal = 1,
    /// Handling of a request.
    Server = 2,
    /// A call to another service.
    Client = 3,
    /// Sending of a message.
    Producer = 4,
    /// Handling of a message.
    Consumer = 5,
}

impl SpanKind {
    /// The kind with this number in OTLP; unknown numbers are unspecified.
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

/// The status a span states, numbered as in OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SpanStatus {
    /// Not stated.
    #[default]
    Unset = 0,
    /// Stated to be fine.
    Ok = 1,
    /// Stated to have failed.
    Error = 2,
}

impl SpanStatus {
    /// The status with this number in OTLP; unknown numbers are no status.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }
}

/// How two sides of a call spoke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Protocol {
    /// Not known.
    #[default]
    Unknown = 0,
    /// HTTP of any version.
    Http = 1,
    /// gRPC.
    Grpc = 2,
    /// A database's own protocol.
    Database = 3,
    /// Messages through a queue or topic.
    Messaging = 4,
    /// Another remote procedure call.
    Rpc = 5,
}

impl Protocol {
    /// The protocol stored under this number; unknown numbers are unknown protocols.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Http,
            2 => Self::Grpc,
            3 => Self::Database,
            4 => Self::Messaging,
            5 => Self::Rpc,
            _ => Self::Unknown,
        }
    }

    /// The word the API uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Database => "sql",
            Self::Messaging => "messaging",
            Self::Rpc => "rpc",
        }
    }
}
