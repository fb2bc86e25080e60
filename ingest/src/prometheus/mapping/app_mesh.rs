//! The metrics extension of App Mesh's Envoy: a ready list of edges with their virtual services.
//!
//! Names of virtual services that hold a capital M, V or T come cut from the agent, whose pattern cannot hold them.

use sidecarta_queries::rows::mesh::{MeshDialect, MeshEdge, MeshReporter, MeshWorkload};

use super::builder::{Builder, Number, Scope};
use super::{MappingContext, known};
use crate::prometheus::family::{Family, Sample};

/// What the extension counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metric {
    number: Number,
    /// Whether it is one of those that name the called node.
    is_per_target: bool,
}

/// The metric of a name. The agent cuts the prefix off when it is asked for these metrics alone.
pub(super) fn metric(name: &str) -> Option<Metric> {
    let name = name.strip_prefix("envoy_appmesh_").unwrap_or(name);
    let per_target = |number| Some(Metric { number, is_per_target: true });
    let of_node = |number| Some(Metric { number, is_per_target: false });
    match name {
        "RequestCountPerTarget" => per_target(Number::Requests),
        "HTTPCode_Target_2XX_Count" => per_target(Number::Class(1)),
        "HTTPCode_Target_3XX_Count" => per_target(Number::Class(2)),
        "HTTPCode_Target_4XX_Count" => per_target(Number::Class(3)),
        "HTTPCode_Target_5XX_Count" => per_target(Number::Class(4)),
        "TargetResponseTime" => per_target(Number::Latency),
        "TargetProcessedBytes" => per_target(Number::ResponseBytes),
        "RequestCount" => of_node(Number::Requests),
        "GrpcRequestCount" => of_node(Number::GrpcRequests),
        "NewConnectionCount" => of_node(Number::Connections),
        "ProcessedBytes" => of_node(Number::ResponseBytes),
        _ => None,
    }
}

pub(super) fn map(family: &Family<'_>, metric: Metric, builder: &mut Builder<'_>) {
    let scope =
        Scope { name: ["appmesh", if metric.is_per_target { "target" } else { "node" }], without: "" };
    for sample in &family.samples {
        // The bare names could be anybody's; the label is App Mesh's.
        if sample.label("Mesh").is_empty() {
            continue;
        }
        builder.add(&family.name, sample, scope, metric.number, |context| edge(sample, metric, context));
    }
}

fn edge(sample: &Sample<'_>, metric: Metric, context: &MappingContext) -> MeshEdge {
    let node = match known(sample, "VirtualNode") {
        "" => known(sample, "VirtualGateway"),
        node => node,
    };
    let own = context.workload(node);
    let edge = MeshEdge {
        dialect: MeshDialect::AppMesh,
        mesh: known(sample, "Mesh").to_owned(),
        ..MeshEdge::default()
    };
    if !metric.is_per_target {
        return MeshEdge { reporter: MeshReporter::Destination, target: own, ..edge };
    }
    MeshEdge {
        reporter: MeshReporter::Source,
        source: own,
        target: MeshWorkload {
            name: known(sample, "TargetVirtualNode").to_owned(),
            ..MeshWorkload::default()
        },
        virtual_service: known(sample, "TargetVirtualService").to_owned(),
        ..edge
    }
}
