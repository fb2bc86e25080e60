//! The attributes that the receiver reads, found by one look at each attribute of a span.

use std::sync::LazyLock;

use super::Attribute;

macro_rules! fields {
    ($($field:ident = $key:literal,)*) => {
        /// An attribute with a meaning for the graph.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field { $($field,)* }

        /// Every field with its key, in the order of their numbers.
        const FIELDS: &[(&str, Field)] = &[$(($key, Field::$field),)*];
    };
}

fields! {
    HttpRequestMethod = "http.request.method",
    HttpMethod = "http.method",
    HttpResponseStatusCode = "http.response.status_code",
    HttpStatusCode = "http.status_code",
    HttpRoute = "http.route",
    HttpProtocol = "http.protocol",
    HttpTarget = "http.target",
    UrlTemplate = "url.template",
    UrlPath = "url.path",
    UrlFull = "url.full",
    HttpUrl = "http.url",
    ServerAddress = "server.address",
    ServerPort = "server.port",
    NetPeerName = "net.peer.name",
    NetPeerPort = "net.peer.port",
    NetworkPeerAddress = "network.peer.address",
    NetworkPeerPort = "network.peer.port",
    NetSockPeerAddr = "net.sock.peer.addr",
    NetSockPeerPort = "net.sock.peer.port",
    ServicePeerName = "service.peer.name",
    PeerService = "peer.service",
    DbSystemName = "db.system.name",
    DbSystem = "db.system",
    DbNamespace = "db.namespace",
    DbName = "db.name",
    MessagingSystem = "messaging.system",
    MessagingDestinationName = "messaging.destination.name",
    MessagingDestination = "messaging.destination",
    RpcSystemName = "rpc.system.name",
    RpcSystem = "rpc.system",
    RpcService = "rpc.service",
    RpcMethod = "rpc.method",
    RpcStatusCode = "rpc.status_code",
    RpcResponseStatusCode = "rpc.response.status_code",
    RpcGrpcStatusCode = "rpc.grpc.status_code",
    GrpcStatusCode = "grpc.status_code",
    GrpcPath = "grpc.path",
    ErrorType = "error.type",
    Error = "error",
    Component = "component",
    ResponseFlags = "response_flags",
}

/// For each length of a key, the fields with keys of that length.
static BY_LENGTH: LazyLock<Vec<Vec<(&str, Field)>>> = LazyLock::new(|| {
    let longest = FIELDS.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let mut by_length = vec![Vec::new(); longest + 1];
    for &(key, field) in FIELDS {
        by_length[key.len()].push((key, field));
    }
    by_length
});

impl Field {
    /// The field with this key.
    pub(super) fn of(key: &str) -> Option<Self> {
        let candidates = BY_LENGTH.get(key.len())?;
        candidates.iter().find(|(present, _)| *present == key).map(|&(_, field)| field)
    }
}

/// The values of one span's fields.
#[derive(Clone, Debug)]
pub(super) struct Values<'a> {
    values: [Option<&'a str>; FIELDS.len()],
}

impl<'a> Values<'a> {
    pub(super) fn of(attributes: &'a [Attribute<'_>]) -> Self {
        let mut values = [None; FIELDS.len()];
        for (key, value) in attributes {
            if let Some(field) = Field::of(key) {
                // Envoy writes `-` for what it does not know.
                values[field as usize] = Some(&**value).filter(|value| !matches!(*value, "" | "-"));
            }
        }
        Self { values }
    }

    pub(super) fn get(&self, field: Field) -> Option<&'a str> {
        self.values[field as usize]
    }

    /// The first of these fields that has a value.
    pub(super) fn first(&self, fields: &[Field]) -> Option<&'a str> {
        fields.iter().find_map(|&field| self.get(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_key() {
        for &(key, field) in FIELDS {
            assert_eq!(Field::of(key), Some(field));
        }
        assert_eq!(Field::of("http.request.methoD"), None);
        assert_eq!(Field::of(""), None);
    }
}
