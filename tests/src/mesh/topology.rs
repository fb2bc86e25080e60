//! What the demo mesh consists of: the workloads, who calls whom, and how each proxy is set up.

use std::time::Duration;

/// The namespace of every service of the mesh (`service.namespace`, and the name of the certificate authority).
pub const NAMESPACE: &str = "shop";

/// The name of the gateway: an Envoy without an application behind it.
pub const GATEWAY: &str = "gateway";

/// The service that the gateway sends everything to.
pub const ENTRY: &str = "web";

/// A route target on which nothing listens.
pub const DEAD_UPSTREAM: &str = "legacy";

/// The queue between the services that place orders and the one that ships them.
pub const QUEUE: &str = "order-events";

/// After this long Envoy gives up waiting for recommendations and answers 504 itself.
pub const RECOMMENDATIONS_TIMEOUT: Duration = Duration::from_secs(1);

/// One deployed version of a service: an application and its sidecar.
#[derive(Debug)]
pub struct Workload {
    /// Logical name, `service.name`.
    pub service: &'static str,
    /// `service.version` of the application. Its Envoy does not tell it, as is usual.
    pub version: &'static str,
    /// The services that its outbound listener has routes to.
    pub calls: &'static [&'static str],
    /// Whether its Envoy makes a span of its own for each attempt (`spawn_upstream_span`).
    pub spawns_upstream_span: bool,
    /// Whether its inbound listener takes nothing but mutual TLS.
    pub requires_mtls: bool,
    /// How much slower than planned its application is.
    pub slowness: f64,
    /// Requests out of 1,000 that its application fails by itself.
    pub failing_per_mille: u16,
}

impl Workload {
    /// A workload as most of them are; the list below names what differs.
    const fn new(service: &'static str, calls: &'static [&'static str]) -> Self {
        Self {
            service,
            version: "v1",
            calls,
            spawns_upstream_span: true,
            requires_mtls: false,
            slowness: 1.0,
            failing_per_mille: 0,
        }
    }

    /// A name that is unique in the mesh, such as `orders-v1`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.service, self.version)
    }
}

const ORDERS: Workload =
    Workload { failing_per_mille: 10, ..Workload::new("orders", &["payments", "inventory"]) };

/// Every workload with a sidecar. The gateway stands beside them.
pub const WORKLOADS: &[Workload] = &[
    Workload::new(ENTRY, &["orders", "users", "catalog"]),
    ORDERS,
    Workload { version: "v2", slowness: 2.5, failing_per_mille: 150, ..ORDERS },
    Workload { spawns_upstream_span: false, ..Workload::new("users", &[]) },
    Workload::new("catalog", &[DEAD_UPSTREAM, "recommendations"]),
    Workload { requires_mtls: true, ..Workload::new("payments", &[]) },
    Workload { spawns_upstream_span: false, ..Workload::new("inventory", &[]) },
    Workload { spawns_upstream_span: false, ..Workload::new("shipping", &["users"]) },
    Workload::new("recommendations", &[]),
];

/// The share of requests, in percent, that a route gives to this version of its service.
pub fn weight(workload: &Workload) -> u32 {
    match (workload.service, workload.version) {
        ("orders", "v1") => 90,
        ("orders", _) => 10,
        _ => 100,
    }
}

/// All deployed versions of a service, in the order of [`WORKLOADS`].
pub fn versions_of(service: &str) -> impl Iterator<Item = &'static Workload> {
    WORKLOADS.iter().filter(move |workload| workload.service == service)
}

/// The name of the Envoy cluster that leads to a workload: the service, with the version where there are several.
pub fn cluster_name(workload: &Workload) -> String {
    if versions_of(workload.service).count() > 1 {
        format!("{}_{}", workload.service, workload.version)
    } else {
        workload.service.to_owned()
    }
}
