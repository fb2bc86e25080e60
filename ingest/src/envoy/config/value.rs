//! Parts of a configuration that are searched at any depth, because extensions wrap one another.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// How calls are encrypted, and the clusters that the secrets for it come from.
#[derive(Debug, Default)]
pub(super) struct Encryption {
    pub(super) tls: bool,
    pub(super) mtls: bool,
    pub(super) secrets: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for Encryption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let socket = Value::deserialize(deserializer)?;
        let mut encryption = Self::default();
        encryption.look_into(&socket);
        collect_references(&socket, &mut encryption.secrets);
        Ok(encryption)
    }
}

impl Encryption {
    fn look_into(&mut self, socket: &Value) {
        match socket {
            Value::Object(fields) => {
                let kind = fields.get("@type").and_then(Value::as_str).unwrap_or_default();
                let context = fields.get("common_tls_context");
                self.tls |= kind.ends_with(".UpstreamTlsContext") || context.is_some();
                if let Some(Value::Object(context)) = context {
                    self.mtls |= context.keys().any(|key| key.starts_with("tls_certificate"));
                }
                fields.values().for_each(|value| self.look_into(value));
            }
            Value::Array(values) => values.iter().for_each(|value| self.look_into(value)),
            _ => {}
        }
    }
}

/// The names of the clusters that a part of the configuration refers to.
pub(super) fn references<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let mut clusters = BTreeSet::new();
    collect_references(&Value::deserialize(deserializer)?, &mut clusters);
    Ok(clusters)
}

fn collect_references(value: &Value, clusters: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    (
                        "cluster_name" | "cluster" | "collector_cluster" | "tcp_cluster_name",
                        Value::String(name),
                    ) => {
                        clusters.insert(name.clone());
                    }
                    ("cluster_names", Value::Array(names)) => {
                        clusters.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => collect_references(value, clusters),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, clusters)),
        _ => {}
    }
}
