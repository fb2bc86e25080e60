//! What the graph needs of a span: a tenth of its size, kept in memory while its trace is young.

use std::ops::Deref;
use std::sync::Arc;

use super::{Protocol, SpanKind};
use crate::rows::outcome::Outcome;

/// The part of a span that decides about the edges of its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skeleton {
    /// Trace id.
    pub trace_id: u128,
    /// Span id.
    pub span_id: u64,
    /// Parent span id; zero for a root span.
    pub parent_span_id: u64,
    /// Start, ns since 1970.
    pub start_ns: i64,
    /// Duration, ns.
    pub duration_ns: u64,
    /// What it shares with all spans of its shape.
    pub traits: Arc<Traits>,
}

/// A skeleton reads like one record; that part of it is shared is a matter of memory alone.
impl Deref for Skeleton {
    type Target = Traits;

    fn deref(&self) -> &Traits {
        &self.traits
    }
}

/// What the graph needs of a span and many others have too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Who made the span.
    pub workload: Arc<Workload>,
    /// Proxies: the cluster that the request was sent to.
    pub upstream_cluster: Option<Arc<str>>,
    /// Proxies: `node_id`.
    pub node_id: Option<Arc<str>>,
    /// What the span says it calls.
    pub peer: Option<Arc<Peer>>,
    /// Which side of a call it is.
    pub kind: SpanKind,
    /// How it spoke.
    pub protocol: Protocol,
    /// Failure, time-out, proxy.
    pub flags: SpanFlags,
    /// Method and template of the request that the span is about, see [`route_name`](crate::rows::route::route_name).
    pub route: Option<Arc<str>>,
    /// How it was answered.
    pub outcome: Outcome,
}

/// Facts about a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not depend on each other")]
pub struct SpanFlags {
    /// The operation failed.
    pub error: bool,
    /// It failed by a time-out.
    pub timeout: bool,
    /// A proxy made the span.
    pub proxy: bool,
    /// It was told as a segment of AWS X-Ray.
    pub xray: bool,
}

/// One deployed version of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Workload {
    /// `service.name`.
    pub service: String,
    /// `service.namespace`, or empty.
    pub namespace: String,
    /// `service.version`, or empty.
    pub version: String,
    /// `deployment.environment.name`, or empty.
    pub environment: String,
}

impl Workload {
    /// Whether both are the same service, whatever their versions.
    pub fn same_service(&self, other: &Self) -> bool {
        self.service == other.service
            && self.namespace == other.namespace
            && self.environment == other.environment
    }
}

/// Something that is called and may not report itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer {
    /// What it is.
    pub kind: PeerKind,
    /// `postgresql`, `kafka`, or empty.
    pub system: String,
    /// Its name.
    pub name: String,
}

/// What a span says it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PeerKind {
    /// A service named by `service.peer.name` or `peer.service`.
    Service = 1,
    /// A database or cache.
    Database = 2,
    /// A queue or topic.
    Queue = 3,
    /// A host known by its address only.
    Host = 4,
}

impl PeerKind {
    /// The kind stored under this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Service),
            2 => Some(Self::Database),
            3 => Some(Self::Queue),
            4 => Some(Self::Host),
            _ => None,
        }
    }
}
