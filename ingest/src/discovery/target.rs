//! One target that a discovery gave: its address and its labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::envoy::address::{Address, AddressError};

/// How many labels a target may have, and how long names and values may be.
const MAX_LABELS: usize = 64;
const MAX_LABEL_BYTES: usize = 1_024;

/// Where to ask, and what is known of who answers there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DiscoveredTarget {
    /// Where it listens.
    pub address: Address,
    /// Its labels: those of the group that it came with, `__metrics_path__`, `__scheme__` and `__param_*` among them.
    pub labels: BTreeMap<String, String>,
    /// Which discovery gave it, in words: `targets`, or a source's name on the Sources page.
    pub discovery: String,
}

/// What makes two targets one and the same: where they are asked, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetKey {
    /// Where.
    pub address: Address,
    /// The path with its query.
    pub path_and_query: String,
}

/// Why an entry is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The address is none.
    #[error("{0}; a list of targets may also say host:port")]
    Address(#[from] AddressError),
    /// A scheme that is not spoken.
    #[error("`{target}` has the scheme `{scheme}`: only http is spoken here")]
    Scheme {
        /// The address as given.
        target: String,
        /// The scheme.
        scheme: String,
    },
    /// The path to ask for is none.
    #[error(
        "`{target}` has the path `{path}`: `__metrics_path__` must start with / and be the path of a URL"
    )]
    Path {
        /// The address as given.
        target: String,
        /// The path.
        path: String,
    },
    /// Too many labels, or too long ones.
    #[error("`{target}` has more than {MAX_LABELS} labels, or one of more than {MAX_LABEL_BYTES} bytes")]
    Labels {
        /// The address as given.
        target: String,
    },
}

impl DiscoveredTarget {
    /// Reads an address as lists of targets have it: `host:port`, `http://host:port` or `unix:///path`.
    ///
    /// # Errors
    /// If it is no address, or the labels ask for what cannot be done.
    pub fn new(
        address: &str,
        labels: &BTreeMap<String, String>,
        discovery: &str,
    ) -> Result<Self, TargetError> {
        let shown = || address.chars().take(100).collect::<String>();
        let is_long = |text: &String| text.len() > MAX_LABEL_BYTES;
        if labels.len() > MAX_LABELS || labels.iter().any(|(name, value)| is_long(name) || is_long(value)) {
            return Err(TargetError::Labels { target: shown() });
        }
        let scheme = match labels.get("__scheme__") {
            Some(scheme) if !scheme.is_empty() => scheme.as_str(),
            _ if address.starts_with("https:") => "https",
            _ => "http",
        };
        if scheme != "http" {
            return Err(TargetError::Scheme { target: shown(), scheme: scheme.to_owned() });
        }
        let has_scheme = address.starts_with("unix:") || address.contains("://");
        let address =
            if has_scheme { address.parse::<Address>() } else { format!("http://{address}").parse() }?;
        let target = Self { address, labels: labels.clone(), discovery: discovery.to_owned() };
        let path = target.metrics_path();
        let is_path = path.starts_with('/') && !path.contains(['?', '#']);
        if !is_path || target.path_and_query().parse::<http::uri::PathAndQuery>().is_err() {
            return Err(TargetError::Path { target: target.address.to_string(), path: path.to_owned() });
        }
        Ok(target)
    }

    /// The path to ask for metrics: `__metrics_path__`, or `/metrics`.
    pub fn metrics_path(&self) -> &str {
        self.labels.get("__metrics_path__").map_or("/metrics", String::as_str)
    }

    /// The query parameters: each label `__param_<name>`, by name.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().filter_map(|(name, value)| Some((name.strip_prefix("__param_")?, value.as_str())))
    }

    /// The path with its query. A parameter without a value stands without `=`, as App Mesh's agent has them.
    pub fn path_and_query(&self) -> String {
        let mut text = self.metrics_path().to_owned();
        let mut separator = '?';
        for (name, value) in self.params() {
            text.push(separator);
            percent_encode(&mut text, name);
            if !value.is_empty() {
                text.push('=');
                percent_encode(&mut text, value);
            }
            separator = '&';
        }
        text
    }

    /// The labels that describe the target: all but those that start with two underscores.
    pub fn own_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.labels.iter().filter(|(name, _)| !name.starts_with("__"));
        own.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A label of its own, or nothing where it is empty.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What makes it the same target as another.
    pub fn key(&self) -> TargetKey {
        TargetKey { address: self.address.clone(), path_and_query: self.path_and_query() }
    }
}

fn percent_encode(encoded: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str, labels: &[(&str, &str)]) -> Result<DiscoveredTarget, TargetError> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        DiscoveredTarget::new(address, &labels, "test")
    }

    #[test]
    fn addresses_are_read_as_lists_have_them() {
        for (text, address) in [
            ("10.0.0.1:9901", "http://10.0.0.1:9901"),
            ("[::1]:9901", "http://[::1]:9901"),
            ("orders.shop:15090", "http://orders.shop:15090"),
            ("http://orders:9901", "http://orders:9901"),
            ("unix:///run/envoy.sock", "unix:///run/envoy.sock"),
        ] {
            assert_eq!(target(text, &[]).expect(text).address.to_string(), address);
        }
    }

    #[test]
    fn what_is_no_target_is_refused_in_words() {
        for (text, labels, reason) in [
            ("", &[][..], "no Envoy admin address"),
            ("orders", &[], "port is missing"),
            ("https://orders:1", &[], "scheme `https`"),
            ("orders:1", &[("__scheme__", "https")], "scheme `https`"),
            ("orders:1/metrics", &[], "path cannot be chosen"),
            ("orders:1", &[("__metrics_path__", "metrics")], "must start with /"),
            ("orders:1", &[("__metrics_path__", "/a b")], "path of a URL"),
            ("orders:1", &[("__metrics_path__", "/a?b=c")], "path of a URL"),
        ] {
            let error = target(text, labels).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let bomb: BTreeMap<_, _> = (0..100).map(|n| (n.to_string(), String::new())).collect();
        assert!(matches!(DiscoveredTarget::new("a:1", &bomb, ""), Err(TargetError::Labels { .. })));
    }

    #[test]
    fn labels_say_what_is_asked() {
        let agent = target(
            "10.0.0.1:9902",
            &[
                ("__metrics_path__", "/stats/prometheus"),
                ("__param_filter", "metrics extension"),
                ("__param_usedonly", ""),
                ("service", "orders"),
            ],
        )
        .expect("a target");
        assert_eq!(agent.path_and_query(), "/stats/prometheus?filter=metrics%20extension&usedonly");
        assert_eq!(agent.own_labels().collect::<Vec<_>>(), [("service", "orders")]);
        assert_eq!(target("a:1", &[]).expect("a target").path_and_query(), "/metrics");
    }
}
