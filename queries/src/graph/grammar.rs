//! Names of clusters with a known grammar: App Mesh, Istio, Consul.

/// What a cluster's name says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClusterName<'a> {
    /// The service.
    pub(super) service: &'a str,
    /// The version or subset, where the name holds one.
    pub(super) version: Option<&'a str>,
    /// The namespace, where the name holds one.
    pub(super) namespace: Option<&'a str>,
    /// Whether the cluster leads to the proxy's own application.
    pub(super) inbound: bool,
    /// Which grammar it is, in words.
    pub(super) grammar: &'static str,
}

/// Reads a cluster's name by the first grammar that it obeys. `mesh` is the mesh of App Mesh that the proxy is in, where
/// its id says so.
pub(super) fn read<'a>(name: &'a str, mesh: Option<&str>) -> Option<ClusterName<'a>> {
    app_mesh(name, mesh).or_else(|| istio(name)).or_else(|| consul(name))
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

/// `cds_{ingress,egress}_<mesh>_<virtual node>_<protocol>_<port>`, or `cds_egress_<mesh>_amazonaws`. Mesh and node may
/// both hold underscores; where the mesh is not known, it is taken to be the first word.
fn app_mesh<'a>(name: &'a str, mesh: Option<&str>) -> Option<ClusterName<'a>> {
    let (inbound, rest) = match name.strip_prefix("cds_ingress_") {
        Some(rest) => (true, rest),
        None => (false, name.strip_prefix("cds_egress_")?),
    };
    let after_mesh = mesh.and_then(|mesh| rest.strip_prefix(mesh)?.strip_prefix('_'));
    let rest = after_mesh.or_else(|| rest.split_once('_').map(|(_mesh, rest)| rest))?;
    let of = |service| ClusterName { service, version: None, namespace: None, inbound, grammar: "App Mesh" };
    if rest == "amazonaws" && !inbound {
        return Some(of(rest));
    }
    let (rest, port) = rest.rsplit_once('_')?;
    let (node, protocol) = rest.rsplit_once('_')?;
    let known = matches!(protocol, "http" | "http2" | "grpc" | "tcp");
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (known && is_port && !node.is_empty()).then(|| of(node))
}

/// `outbound|<port>|<subset>|<host>`, where the host's first label is the service and its second the namespace.
fn istio(name: &str) -> Option<ClusterName<'_>> {
    let mut parts = name.split('|');
    let (direction, _port, subset, host) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let inbound = direction == "inbound";
    if !matches!(direction, "outbound" | "inbound") || parts.next().is_some() || (host.is_empty() && !inbound)
    {
        return None;
    }
    let (service, namespace) = match host.split_once(".svc.").and_then(|(name, _)| name.split_once('.')) {
        Some((service, namespace)) => (service, Some(namespace)),
        None => (host, None),
    };
    let version = Some(subset).filter(|subset| !subset.is_empty());
    Some(ClusterName { service, version, namespace, inbound, grammar: "Istio" })
}

/// `[<hash>~][<subset>.]<service>.<namespace>.<datacenter>.<internal|external>.<trust domain>.consul`, or `local_app` for the
/// proxy's own.
fn consul(name: &str) -> Option<ClusterName<'_>> {
    if name == "local_app" {
        return Some(ClusterName {
            service: "",
            version: None,
            namespace: None,
            inbound: true,
            grammar: "Consul",
        });
    }
    let name = name.strip_suffix(".consul")?;
    let name = name.split_once('~').map_or(name, |(_, name)| name);
    let labels: Vec<&str> = name.split('.').collect();
    let boundary = labels.iter().rposition(|label| label.starts_with("internal") || *label == "external")?;
    let (version, service, namespace) = match boundary {
        3 => (None, labels[0], labels[1]),
        4 => (Some(labels[0]), labels[1], labels[2]),
        _ => return None,
    };
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    (!service.is_empty()).then_some(ClusterName {
        service,
        version,
        namespace,
        inbound: false,
        grammar: "Consul",
    })
}

/// What the id of a proxy of App Mesh says: `…mesh/<mesh>/virtualNode/<name>`, or `virtualGateway`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MeshResource<'a> {
    /// The mesh.
    pub(super) mesh: &'a str,
    /// The virtual node or gateway.
    pub(super) name: &'a str,
    /// Whether it is a gateway.
    pub(super) is_gateway: bool,
}

/// Reads the id of a proxy of App Mesh, which is the path or the ARN of its resource.
pub(super) fn mesh_resource(id: &str) -> Option<MeshResource<'_>> {
    let mut parts = id.split('/');
    let (start, mesh, kind, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_resource = (start == "mesh" || start.ends_with(":mesh")) && parts.next().is_none();
    let is_gateway = match kind {
        "virtualNode" => false,
        "virtualGateway" => true,
        _ => return None,
    };
    (is_resource && !mesh.is_empty() && !name.is_empty()).then_some(MeshResource { mesh, name, is_gateway })
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
        read(name, None).map(|name| (name.service.to_owned(), name.version.map(str::to_owned), name.inbound))
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
        let names = [
            "orders",
            "orders_v1",
            "cds_egress_shop",
            "outbound|80",
            "outbound|80||",
            "a.b.consul",
            "|||",
            "",
        ];
        for name in names {
            assert_eq!(read_as(name), None, "{name}");
        }
    }

    #[test]
    fn a_mesh_that_is_known_ends_where_it_ends() {
        let service = |name, mesh| read(name, mesh).map(|name| (name.service.to_owned(), name.inbound));
        let name = "cds_egress_my_mesh_orders_v2_http_8080";
        assert_eq!(service(name, Some("my_mesh")), Some(("orders_v2".to_owned(), false)));
        assert_eq!(service(name, Some("other")), Some(("mesh_orders_v2".to_owned(), false)));
        assert_eq!(
            service("cds_egress_my_mesh_amazonaws", Some("my_mesh")),
            Some(("amazonaws".to_owned(), false))
        );
        let redirect = "cds_ingress_my_mesh_gw_self_redirect_8080_http_15001";
        assert_eq!(service(redirect, Some("my_mesh")).map(|(_, inbound)| inbound), Some(true));
        assert_eq!(service("cds_egress_my_mesh__http_80", Some("my_mesh")), None);
    }

    #[test]
    fn namespaces_are_read() {
        for (name, namespace) in [
            ("outbound|80|v2|orders.shop.svc.cluster.local", Some("shop")),
            ("outbound|443||api.example.com", None),
            ("v2.payments.prod.dc1.internal.8a1e.consul", Some("prod")),
            ("cds_egress_shop_orders_http_8080", None),
        ] {
            assert_eq!(read(name, None).unwrap().namespace, namespace, "{name}");
        }
    }

    #[test]
    fn ids_of_proxies_of_app_mesh_name_their_resource() {
        let orders = MeshResource { mesh: "shop", name: "orders-v2", is_gateway: false };
        for id in [
            "mesh/shop/virtualNode/orders-v2",
            "arn:aws:appmesh:us-west-2:123456789012:mesh/shop/virtualNode/orders-v2",
        ] {
            assert_eq!(mesh_resource(id), Some(orders), "{id}");
        }
        let gateway = mesh_resource("mesh/shop/virtualGateway/edge").unwrap();
        assert!(gateway.is_gateway && gateway.name == "edge");
        for id in [
            "orders",
            "mesh/shop/virtualNode",
            "mesh/shop/virtualNode/",
            "mesh/shop/virtualRouter/a",
            "/mesh/a/b/c/d",
        ] {
            assert_eq!(mesh_resource(id), None, "{id}");
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
