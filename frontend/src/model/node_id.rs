//! What the id of a node tells.

use sidecarta_queries::api::graph::NodeKind;

/// What a node's id says: `kind:name` or `kind:name@version`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeId {
    /// What the node is.
    pub(crate) kind: NodeKind,
    /// Its name, without the version.
    pub(crate) name: String,
}

impl NodeId {
    /// Reads an id; one without a kind is a service's name.
    pub(crate) fn parse(id: &str) -> Self {
        let (kind, rest) = id.split_once(':').unwrap_or(("service", id));
        let kind = serde_json::from_value(serde_json::Value::String(kind.to_owned())).unwrap_or_default();
        let name = rest.rsplit_once('@').map_or(rest, |(name, _)| name);
        Self { kind, name: name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_kind_and_name() {
        let cases = [
            ("service:orders", NodeKind::Service, "orders"),
            ("database:orders-db@17", NodeKind::Database, "orders-db"),
            ("client:client", NodeKind::Client, "client"),
            ("bare", NodeKind::Service, "bare"),
        ];
        for (id, kind, name) in cases {
            assert_eq!(NodeId::parse(id), NodeId { kind, name: name.to_owned() }, "{id}");
        }
    }
}
