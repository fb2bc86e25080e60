//! Names of clusters with a known grammar: App Mesh, Istio, Consul.

/// What a cluster's name says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClusterName<'a> {
    /// The service.
    pub(super) service: &'a str,
    /// The version or subset, where the name holds one.
    pub(super) version: Option<&'a str>,
    /// Whether the cluster leads to the proxy's own application.
    pub(super) inbound: bool,
    /// Which grammar it is, in words.
    pub(super) grammar: &'static str,
}

/// Reads a cluster's name by the first grammar that it obeys.
pub(super) fn read(name: &str) -> Option<ClusterName<'_>> {
    app_mesh(name).or_else(|| istio(name)).or_else(|| consul(name))
}

/// Clusters that every proxy of a mesh has for itself, to be configured and watched: Istio's, and Consul's.
const OF_THE_PROXY: [&str; 8] = [
    "agent",
    "local_agent",
    "prometheus_backend",
    "prometheus_stats",
    "sds-grpc",
    "self_admin",
    "xds-grpc",
    "zipkin",
];

/// Whether a cluster carries no traffic of the mesh, by its name.
pub(super) fn is_of_the_proxy(name: &str) -> bool {
    OF_THE_PROXY.contains(&name)
}

/// `cds_{ingress,egress}_<mesh>_<virtual node>_<protocol>_<port>`. Mesh and node may both hold underscores; the mesh is
/// taken to be the first word.
fn app_mesh(name: &str) -> Option<ClusterName<'_>> {
    let (inbound, rest) = match name.strip_prefix("cds_ingress_") {
        Some(rest) => (true, rest),
        None => (false, name.strip_prefix("cds_egress_")?),
    };
    let (rest, port) = rest.rsplit_once('_')?;
    let (rest, protocol) = rest.rsplit_once('_')?;
    let known = matches!(protocol, "http" | "http2" | "grpc" | "tcp");
    let (_mesh, node) = rest.split_once('_')?;
    (known && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(ClusterName {
        service: node,
        version: None,
        inbound,
        grammar: "App Mesh",
    })
}

/// `outbound|<port>|<subset>|<host>`, where the host's first label is the service.
fn istio(name: &str) -> Option<ClusterName<'_>> {
    let mut parts = name.split('|');
    let (direction, _port, subset, host) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !matches!(direction, "outbound" | "inbound") || parts.next().is_some() {
        return None;
    }
    let service = if host.contains(".svc.") { host.split('.').next()? } else { host };
    let version = Some(subset).filter(|subset| !subset.is_empty());
    Some(ClusterName { service, version, inbound: direction == "inbound", grammar: "Istio" })
}

/// `[<hash>~][<subset>.]<service>.<namespace>.<datacenter>.<internal|external>.<trust domain>.consul`, or `local_app` for the
/// proxy's own.
fn consul(name: &str) -> Option<ClusterName<'_>> {
    if name == "local_app" {
        return Some(ClusterName { service: "", version: None, inbound: true, grammar: "Consul" });
    }
    let name = name.strip_suffix(".consul")?;
    let name = name.split_once('~').map_or(name, |(_, name)| name);
    let labels: Vec<&str> = name.split('.').collect();
    let boundary = labels.iter().rposition(|label| label.starts_with("internal") || *label == "external")?;
    let (version, service) = match boundary {
        3 => (None, labels[0]),
        4 => (Some(labels[0]), labels[1]),
        _ => return None,
    };
    Some(ClusterName { service, version, inbound: false, grammar: "Consul" })
}

/// A name without the version that it ends in: `orders_v2` is `orders`, version `v2`.
pub(super) fn without_version(name: &str) -> Option<(&str, &str)> {
    let at = name.rfind(['_', '-', '.', '@'])?;
    let (service, version) = (&name[..at], &name[at + 1..]);
    let digits = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let is_version = digits.starts_with(|first: char| first.is_ascii_digit())
        || matches!(version, "canary" | "baseline" | "stable" | "blue" | "green" | "primary");
    (is_version && !service.is_empty()).then_some((service, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(name: &str) -> Option<(String, Option<String>, bool)> {
        read(name).map(|name| (name.service.to_owned(), name.version.map(str::to_owned), name.inbound))
    }

    #[test]
    fn known_grammars_are_read() {
        for (name, service, version, inbound) in [
            ("cds_egress_shop_orders-v2_node_http2_8080", "orders-v2_node", None, false),
            ("cds_ingress_shop_orders_http_8080", "orders", None, true),
            ("outbound|8080|v2|orders.shop.svc.cluster.local", "orders", Some("v2"), false),
            ("outbound|443||api.example.com", "api.example.com", None, false),
            ("inbound|8080||", "", None, true),
            ("local_app", "", None, true),
            ("payments.default.dc1.internal.8a1e.consul", "payments", None, false),
            ("9f2~v2.payments.default.dc1.internal.8a1e.consul", "payments", Some("v2"), false),
        ] {
            let expected = Some((service.to_owned(), version.map(str::to_owned), inbound));
            assert_eq!(read_as(name), expected, "{name}");
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        for name in ["orders", "orders_v1", "cds_egress_shop", "outbound|80", "a.b.consul", "|||", ""] {
            assert_eq!(read_as(name), None, "{name}");
        }
    }

    #[test]
    fn a_version_at_the_end_is_seen() {
        assert_eq!(without_version("orders_v2"), Some(("orders", "v2")));
        assert_eq!(without_version("orders-canary"), Some(("orders", "canary")));
        assert_eq!(without_version("orders.1.4"), Some(("orders.1", "4")));
        assert_eq!(without_version("order-events"), None);
        assert_eq!(without_version("_v2"), None);
    }
}
