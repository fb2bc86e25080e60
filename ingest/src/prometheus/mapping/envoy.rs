//! A plain Envoy's statistics as Prometheus' format shows them, from whoever scraped them.
//!
//! Envoy takes one segment of a dotted name for the label and leaves the rest in the metric's name, with underscores for
//! dots. What Kubernetes calls things holds no underscore, so the dots can be put back.

use sidecarta_queries::rows::mesh::{MeshDialect, MeshEdge, MeshReporter, MeshWorkload};

use super::builder::{Builder, Number, Scope};
use super::{MappingContext, known};
use crate::prometheus::family::{Family, Sample};

/// A number, or the responses by class, which a label tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaf {
    Number(Number),
    Classes,
}

/// What is read of a cluster, a route and a virtual cluster, by the end of the metric's name.
const UPSTREAM: [(&str, Leaf); 13] = [
    ("upstream_rq_completed", Leaf::Number(Number::Requests)),
    ("upstream_rq_xx", Leaf::Classes),
    ("upstream_rq_total", Leaf::Number(Number::Attempts)),
    ("upstream_rq_retry", Leaf::Number(Number::Retries)),
    ("upstream_rq_timeout", Leaf::Number(Number::Timeouts)),
    ("upstream_rq_pending_overflow", Leaf::Number(Number::PendingOverflows)),
    ("upstream_rq_active_overflow", Leaf::Number(Number::ActiveOverflows)),
    ("upstream_rq_time", Leaf::Number(Number::Latency)),
    ("upstream_cx_connect_fail", Leaf::Number(Number::ConnectionFailures)),
    ("upstream_cx_total", Leaf::Number(Number::Connections)),
    ("upstream_cx_tx_bytes_total", Leaf::Number(Number::RequestBytes)),
    ("upstream_cx_rx_bytes_total", Leaf::Number(Number::ResponseBytes)),
    ("ssl_handshake", Leaf::Number(Number::TlsHandshakes)),
];

/// The same of a connection manager.
const DOWNSTREAM: [(&str, Leaf); 7] = [
    ("downstream_rq_completed", Leaf::Number(Number::Requests)),
    ("downstream_rq_xx", Leaf::Classes),
    ("downstream_rq_time", Leaf::Number(Number::Latency)),
    ("downstream_rq_timeout", Leaf::Number(Number::Timeouts)),
    ("downstream_cx_total", Leaf::Number(Number::Connections)),
    ("downstream_cx_rx_bytes_total", Leaf::Number(Number::RequestBytes)),
    ("downstream_cx_tx_bytes_total", Leaf::Number(Number::ResponseBytes)),
];

/// Maps a family whose name stands without `envoy_`.
pub(super) fn map(family: &Family<'_>, name: &str, builder: &mut Builder<'_>) {
    if let Some(rest) = name.strip_prefix("cluster_") {
        let Some((middle, leaf)) = split(rest, &UPSTREAM) else { return };
        // Each request is counted again by origin, canary and zone, and retried responses apart.
        if !is_second_count(middle) {
            add(family, ["cluster", middle], leaf, builder, |sample, context| {
                cluster(sample, middle, context)
            });
        }
    } else if let Some(rest) = name.strip_prefix("vhost_") {
        let Some((middle, leaf)) = split(rest, &UPSTREAM) else { return };
        let label = match middle {
            "route" => "envoy_route",
            "vcluster" => "envoy_virtual_cluster",
            _ => {
                builder.unreadable_names += u64::from(!is_second_count(middle));
                return;
            }
        };
        add(family, ["vhost", middle], leaf, builder, |sample, context| route(sample, label, context));
    } else if let Some(rest) = name.strip_prefix("http_") {
        let Some((middle, leaf)) = split(rest, &DOWNSTREAM) else { return };
        add(family, ["http", middle], leaf, builder, |sample, context| listener(sample, middle, context));
    }
}

/// The part of a name before its known end, without the underscore between them.
fn split<'a>(name: &'a str, leaves: &[(&str, Leaf)]) -> Option<(&'a str, Leaf)> {
    leaves.iter().find_map(|(end, leaf)| {
        let middle = name.strip_suffix(end)?;
        let middle = if middle.is_empty() { middle } else { middle.strip_suffix('_')? };
        Some((middle, *leaf))
    })
}

fn is_second_count(middle: &str) -> bool {
    let last = middle.rsplit('_').next().unwrap_or_default();
    matches!(last, "internal" | "external" | "canary" | "retry")
        || middle.starts_with("zone_")
        || middle.contains("_zone_")
}

fn add(
    family: &Family<'_>,
    name: [&str; 2],
    leaf: Leaf,
    builder: &mut Builder<'_>,
    edge: impl Fn(&Sample<'_>, &MappingContext) -> Option<MeshEdge>,
) {
    for sample in &family.samples {
        let told = match leaf {
            Leaf::Number(number) => Some((number, "")),
            Leaf::Classes => class(sample).map(|(label, class)| (Number::Class(class), label)),
        };
        let Some((number, without)) = told else {
            builder.rejects.labels += 1;
            continue;
        };
        let Some(edge) = edge(sample, builder.context) else { continue };
        builder.add(&family.name, sample, Scope { name, without }, number, |_| edge);
    }
}

/// The class of responses, as an index, and the label that tells it: `2`, or `2xx` where Istio set the tags.
fn class(sample: &Sample<'_>) -> Option<(&'static str, u8)> {
    ["envoy_response_code_class", "response_code_class"].into_iter().find_map(|label| {
        let class = sample.label(label);
        let digit: u8 = class.strip_suffix("xx").unwrap_or(class).parse().ok()?;
        (1..=5).contains(&digit).then_some((label, digit - 1))
    })
}

/// A label by its default name, or by the one that Istio gives it.
fn tag<'a>(sample: &'a Sample<'_>, name: &str) -> &'a str {
    match sample.label(name) {
        "" => sample.label(name.strip_prefix("envoy_").unwrap_or(name)),
        value => value,
    }
}

/// A dotted name that was cut: its first segment and the rest.
fn rejoined(first: &str, rest: &str) -> String {
    if rest.is_empty() { first.to_owned() } else { format!("{first}.{}", rest.replace('_', ".")) }
}

/// Who the proxy stands beside.
fn own(sample: &Sample<'_>, context: &MappingContext) -> MeshWorkload {
    let labels =
        ["appmesh_virtual_node", "appmesh_virtual_gateway", "consul_source_service", "local_cluster"];
    let said = labels.into_iter().map(|label| known(sample, label)).find(|value| !value.is_empty());
    context.workload(said.unwrap_or_default())
}

fn mesh(sample: &Sample<'_>, context: &MappingContext) -> String {
    match sample.label("appmesh_mesh") {
        "" => context.label("mesh"),
        mesh => mesh.to_owned(),
    }
}

fn cluster(sample: &Sample<'_>, middle: &str, context: &MappingContext) -> Option<MeshEdge> {
    let cluster = rejoined(tag(sample, "envoy_cluster_name"), middle);
    if cluster.is_empty() {
        return None;
    }
    let mesh = mesh(sample, context);
    let named = consul(sample).or_else(|| app_mesh(&cluster, &mesh)).or_else(|| istio(&cluster));
    let named = named.unwrap_or_else(|| Named { target: workload(&cluster), ..Named::default() });
    let edge = MeshEdge {
        dialect: MeshDialect::Envoy,
        mesh,
        protocol: named.protocol,
        cluster,
        ..MeshEdge::default()
    };
    Some(if named.is_inbound {
        MeshEdge { reporter: MeshReporter::Destination, target: own(sample, context), ..edge }
    } else {
        MeshEdge {
            reporter: MeshReporter::Source,
            source: own(sample, context),
            target: named.target,
            ..edge
        }
    })
}

/// What a cluster's name or labels say of whom it leads to.
#[derive(Default)]
struct Named {
    target: MeshWorkload,
    protocol: String,
    is_inbound: bool,
}

fn workload(name: &str) -> MeshWorkload {
    MeshWorkload { name: name.to_owned(), ..MeshWorkload::default() }
}

fn consul(sample: &Sample<'_>) -> Option<Named> {
    let service = known(sample, "consul_destination_service");
    let target = MeshWorkload {
        name: service.to_owned(),
        namespace: known(sample, "consul_destination_namespace").to_owned(),
        service: service.to_owned(),
        version: known(sample, "consul_destination_service_subset").to_owned(),
    };
    (!service.is_empty()).then(|| Named { target, ..Named::default() })
}

/// `cds_{ingress,egress}_<mesh>_<virtual node>_<protocol>_<port>`: mesh and node may hold underscores, so the mesh's name has
/// to be known.
fn app_mesh(cluster: &str, mesh: &str) -> Option<Named> {
    let (is_inbound, rest) = match cluster.strip_prefix("cds_ingress_") {
        Some(rest) => (true, rest),
        None => (false, cluster.strip_prefix("cds_egress_")?),
    };
    let rest = rest.strip_prefix(mesh).filter(|_| !mesh.is_empty())?.strip_prefix('_')?;
    let (rest, port) = rest.rsplit_once('_')?;
    let (node, protocol) = rest.rsplit_once('_')?;
    let is_known = matches!(protocol, "http" | "http2" | "grpc" | "tcp") && port.parse::<u16>().is_ok();
    let protocol = if protocol == "http2" { "http" } else { protocol }.to_owned();
    is_known.then(|| Named { target: workload(node), protocol, is_inbound })
}

/// `outbound|<port>|<subset>|<host>`. Some versions write other separators into statistics.
fn istio(cluster: &str) -> Option<Named> {
    let mut parts = cluster.splitn(4, '|');
    let (direction, _port, subset, host) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_inbound = direction == "inbound";
    if !is_inbound && direction != "outbound" {
        return None;
    }
    let mut segments = host.split('.');
    let (name, namespace, kind) = (segments.next()?, segments.next(), segments.next());
    let is_in_kubernetes = kind == Some("svc");
    let name = if is_in_kubernetes { name } else { host };
    let target = MeshWorkload {
        name: name.to_owned(),
        namespace: namespace.filter(|_| is_in_kubernetes).unwrap_or_default().to_owned(),
        service: name.to_owned(),
        version: subset.to_owned(),
    };
    Some(Named { target, protocol: String::new(), is_inbound })
}

fn route(sample: &Sample<'_>, label: &str, context: &MappingContext) -> Option<MeshEdge> {
    let (host, route) = (sample.label("envoy_virtual_host"), sample.label(label));
    (!host.is_empty() && !route.is_empty()).then(|| MeshEdge {
        dialect: MeshDialect::Envoy,
        reporter: MeshReporter::Source,
        mesh: mesh(sample, context),
        source: own(sample, context),
        route: format!("{host}/{route}"),
        ..MeshEdge::default()
    })
}

fn listener(sample: &Sample<'_>, middle: &str, context: &MappingContext) -> Option<MeshEdge> {
    let listener = rejoined(tag(sample, "envoy_http_conn_manager_prefix"), middle);
    // The admin interface's own.
    if listener.is_empty() || listener == "admin" {
        return None;
    }
    let own = own(sample, context);
    let is_outbound = listener.starts_with("egress") || listener.starts_with("outbound");
    let edge = MeshEdge {
        dialect: MeshDialect::Envoy,
        mesh: mesh(sample, context),
        listener,
        ..MeshEdge::default()
    };
    Some(if is_outbound {
        MeshEdge { reporter: MeshReporter::Source, source: own, ..edge }
    } else {
        MeshEdge { reporter: MeshReporter::Destination, target: own, ..edge }
    })
}
