//! The attributes that have a column of their own. All others share one map column, which costs several times more.

use std::sync::LazyLock;

/// Keys of the attributes with a column of their own, in the order of the table's columns, each named `@key`.
///
/// They are what Envoy puts on every span and what the semantic conventions put on most; the schema names the same
/// ones, which a test compares.
pub const KNOWN_ATTRIBUTES: [&str; 44] = [
    "node_id",
    "zone",
    "http.url",
    "http.method",
    "http.protocol",
    "http.status_code",
    "downstream_cluster",
    "user_agent",
    "peer.address",
    "request_size",
    "response_size",
    "component",
    "upstream_cluster",
    "upstream_cluster.name",
    "upstream_address",
    "response_flags",
    "error",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "url.full",
    "url.path",
    "url.scheme",
    "url.query",
    "server.address",
    "server.port",
    "client.address",
    "network.peer.address",
    "network.peer.port",
    "network.protocol.version",
    "user_agent.original",
    "db.system.name",
    "db.namespace",
    "db.operation.name",
    "db.collection.name",
    "db.query.text",
    "messaging.system",
    "messaging.destination.name",
    "messaging.operation.type",
    "rpc.system",
    "rpc.service",
    "rpc.method",
    "error.type",
    "peer.service",
];

/// Key of the attribute stored as a UUID where its text is one; it is random, so that text would cost twice as much.
pub(super) const REQUEST_ID_ATTRIBUTE: &str = "guid:x-request-id";

/// For each length of a key, the columns of the known attributes with keys of that length.
static KNOWN_BY_LENGTH: LazyLock<Vec<Vec<usize>>> = LazyLock::new(|| {
    let longest = KNOWN_ATTRIBUTES.iter().map(|key| key.len()).max().unwrap_or(0);
    let mut columns = vec![Vec::new(); longest + 1];
    for (column, key) in KNOWN_ATTRIBUTES.iter().enumerate() {
        columns[key.len()].push(column);
    }
    columns
});

/// Column number of a known attribute.
pub(super) fn known_column(key: &str) -> Option<usize> {
    KNOWN_BY_LENGTH.get(key.len())?.iter().copied().find(|&column| KNOWN_ATTRIBUTES[column] == key)
}
