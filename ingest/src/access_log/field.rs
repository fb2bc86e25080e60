//! What a command operator's value means: the column of the row it goes to, and what the value may look like.

use sidecarta_queries::rows::access_log::AccessLogRow;

use super::draft::Draft;
use super::time::TimeFormat;

mod meaning;
mod read;
mod shape;

pub(super) use shape::Shape;

/// Nanoseconds in a millisecond.
pub(super) const MS: u64 = 1_000_000;

/// Where a value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// When the request began.
    Start(TimeFormat),
    /// Another time, taken for the start where nothing else is known of it.
    OtherTime(TimeFormat),
    Path,
    Code,
    Grpc,
    Flags,
    Attempts,
    Received,
    Sent,
    /// With the unit of the value in ns.
    Duration(u64),
    /// With the unit of the value in ns.
    Upstream(u64),
    Trace,
    TraceParent,
    XrayTrace,
    Span,
    /// A column of text, set by the last operator that has a value.
    Text(Column),
    /// A column of text, set only where no other operator has done so.
    Spare(Column),
    /// Alternative names of a certificate, set beside those that are there already.
    San(Column),
    /// No column: kept under this key.
    Attribute(String, Shape),
}

/// The columns of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    NodeId,
    LogType,
    Method,
    Authority,
    Protocol,
    RouteName,
    VirtualCluster,
    UpstreamCluster,
    UpstreamHost,
    UpstreamFailure,
    DownstreamAddress,
    CodeDetails,
    Termination,
    RequestId,
    UserAgent,
    ForwardedFor,
    DownstreamTls,
    DownstreamSubject,
    DownstreamSan,
    UpstreamTls,
    UpstreamSubject,
    UpstreamSan,
}

impl Column {
    pub(super) fn of(self, row: &mut AccessLogRow) -> &mut String {
        match self {
            Self::NodeId => &mut row.node_id,
            Self::LogType => &mut row.log_type,
            Self::Method => &mut row.method,
            Self::Authority => &mut row.authority,
            Self::Protocol => &mut row.protocol,
            Self::RouteName => &mut row.route_name,
            Self::VirtualCluster => &mut row.virtual_cluster,
            Self::UpstreamCluster => &mut row.upstream_cluster,
            Self::UpstreamHost => &mut row.upstream_host,
            Self::UpstreamFailure => &mut row.upstream_failure,
            Self::DownstreamAddress => &mut row.downstream_address,
            Self::CodeDetails => &mut row.response_code_details,
            Self::Termination => &mut row.connection_termination_details,
            Self::RequestId => &mut row.request_id,
            Self::UserAgent => &mut row.user_agent,
            Self::ForwardedFor => &mut row.forwarded_for,
            Self::DownstreamTls => &mut row.downstream_tls.version,
            Self::DownstreamSubject => &mut row.downstream_tls.peer_subject,
            Self::DownstreamSan => &mut row.downstream_tls.peer_san,
            Self::UpstreamTls => &mut row.upstream_tls.version,
            Self::UpstreamSubject => &mut row.upstream_tls.peer_subject,
            Self::UpstreamSan => &mut row.upstream_tls.peer_san,
        }
    }
}

impl Field {
    /// What the value may look like.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Start(format) | Self::OtherTime(format) => match format {
                TimeFormat::Rfc3339 => Shape::Word,
                TimeFormat::Epoch { .. } => Shape::Number,
                TimeFormat::Strftime(_) => Shape::Readable,
            },
            Self::Path | Self::San(_) => Shape::Text,
            Self::Code
            | Self::Attempts
            | Self::Received
            | Self::Sent
            | Self::Duration(_)
            | Self::Upstream(_) => Shape::Number,
            Self::Flags => Shape::Flags,
            // The id of a stream is Envoy's own, while that of a request may come from the caller.
            Self::Spare(Column::RequestId) | Self::Grpc | Self::Trace | Self::TraceParent | Self::Span => {
                Shape::Id
            }
            Self::XrayTrace => Shape::Word,
            Self::Attribute(_, shape) => *shape,
            Self::Text(column) | Self::Spare(column) => match column {
                Column::Method
                | Column::Authority
                | Column::Protocol
                | Column::LogType
                | Column::UpstreamCluster
                | Column::UpstreamHost
                | Column::DownstreamAddress
                | Column::RequestId
                | Column::DownstreamTls
                | Column::UpstreamTls => Shape::Word,
                Column::ForwardedFor => Shape::List,
                _ => Shape::Text,
            },
        }
    }

    /// Whether a value of the shape [`Shape::Readable`] is one of this field.
    pub(super) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Start(format) | Self::OtherTime(format) => is_absent(value) || format.read(value).is_some(),
            _ => true,
        }
    }

    /// Puts a value into the row. `false` if the value cannot be one of this field; nothing is changed then.
    pub(super) fn set(&self, draft: &mut Draft, value: &str) -> bool {
        if is_absent(value) {
            return true;
        }
        read::set(self, draft, value).is_some()
    }
}

/// Whether Envoy had nothing to say.
pub(super) fn is_absent(value: &str) -> bool {
    matches!(value, "" | "-")
}
