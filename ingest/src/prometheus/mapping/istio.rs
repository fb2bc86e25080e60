//! Istio's standard metrics, from the sidecars or from a Prometheus that federates them.

use sidecarta_queries::rows::mesh::{MeshDialect, MeshEdge, MeshReporter, MeshWorkload};

use super::builder::{Builder, Number, Scope};
use super::{MappingContext, known};
use crate::prometheus::family::{Family, Sample};

pub(super) fn map(family: &Family<'_>, builder: &mut Builder<'_>) {
    let (number, protocol) = match &*family.name {
        "istio_requests_total" => (Number::Requests, ""),
        "istio_request_duration_milliseconds" => (Number::Latency, ""),
        "istio_request_bytes" => (Number::RequestBytes, ""),
        "istio_response_bytes" => (Number::ResponseBytes, ""),
        "istio_tcp_connections_opened_total" => (Number::Connections, "tcp"),
        "istio_tcp_received_bytes_total" => (Number::RequestBytes, "tcp"),
        "istio_tcp_sent_bytes_total" => (Number::ResponseBytes, "tcp"),
        _ => return,
    };
    // Connections and requests have nothing in common but some of their labels.
    let scope = Scope { name: ["istio", protocol], without: "" };
    for sample in &family.samples {
        builder.add(&family.name, sample, scope, number, |context| edge(sample, protocol, context));
    }
}

fn edge(sample: &Sample<'_>, protocol: &str, context: &MappingContext) -> MeshEdge {
    let said = known(sample, "request_protocol");
    let is_grpc = said == "grpc";
    let code = sample.label("response_code");
    MeshEdge {
        dialect: MeshDialect::Istio,
        // Waypoints stand before the callee, and see what it answers.
        reporter: match sample.label("reporter") {
            "source" => MeshReporter::Source,
            _ => MeshReporter::Destination,
        },
        mesh: first([known(sample, "mesh_id"), &context.label("mesh")]),
        source: workload(sample, "source"),
        target: workload(sample, "destination"),
        virtual_service: first([
            known(sample, "destination_service"),
            known(sample, "destination_service_name"),
        ]),
        protocol: first([said, protocol]),
        // A request that ended without an answer has the code 0.
        response_code: code.parse().ok().filter(|code| *code < 1_000),
        grpc_status: sample.label("grpc_response_status").parse().ok().filter(|_| is_grpc),
        response_flags: known(sample, "response_flags").to_owned(),
        mtls: match sample.label("connection_security_policy") {
            "mutual_tls" => Some(true),
            "none" => Some(false),
            _ => None,
        },
        ..MeshEdge::default()
    }
}

fn workload(sample: &Sample<'_>, side: &str) -> MeshWorkload {
    let of = |label: &str| known(sample, &format!("{side}_{label}"));
    MeshWorkload {
        name: of("workload").to_owned(),
        namespace: of("workload_namespace").to_owned(),
        service: first([of("canonical_service"), of("app")]),
        version: first([of("canonical_revision"), of("version")]),
    }
}

fn first(candidates: [&str; 2]) -> String {
    candidates.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}
