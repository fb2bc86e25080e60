//! From families to the edges of a mesh. Pure.
//!
//! Three conventions are understood: App Mesh's metrics extension, Istio's standard metrics, and a plain Envoy's
//! statistics, with the tags that App Mesh, Consul and Istio have it add. All other families are left alone.

use std::collections::BTreeMap;

use sidecarta_queries::rows::mesh::{MeshCounter, MeshWorkload};

use super::exposition::{Exposition, Rejects};
use super::family::{Kind, Sample, Temporality};
use crate::discovery::DiscoveredTarget;

mod app_mesh;
mod builder;
mod envoy;
mod istio;

use self::builder::Builder;

/// What is known of a target before it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingContext {
    /// The target, as its address.
    pub instance: String,
    /// Its labels, of which `service`, `version`, `namespace` and `mesh` name what its metrics leave open.
    pub labels: BTreeMap<String, String>,
}

impl MappingContext {
    /// Of a target that a discovery gave.
    pub fn of(target: &DiscoveredTarget) -> Self {
        let labels = target.own_labels().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut instance = target.address.to_string();
        if target.metrics_path() != "/metrics" {
            instance += target.metrics_path();
        }
        Self { instance, labels: labels.collect() }
    }

    fn label(&self, name: &str) -> String {
        self.labels.get(name).cloned().unwrap_or_default()
    }

    /// The workload that the target stands beside. What its own metrics say of its name is worth more.
    fn workload(&self, said: &str) -> MeshWorkload {
        MeshWorkload {
            name: if said.is_empty() { self.label("service") } else { said.to_owned() },
            namespace: self.label("namespace"),
            service: self.label("service"),
            version: self.label("version"),
        }
    }
}

/// What an exposition says of a mesh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    /// The edges, sorted by what they are about.
    pub counters: Vec<MeshCounter>,
    /// What could not be taken.
    pub rejects: Rejects,
    /// How many families belong to an Envoy and could not be told which cluster or route they are about: the names hold
    /// dots, which Prometheus' format cannot show.
    pub unreadable_names: u64,
}

impl Mapped {
    /// What the user should know, in words.
    pub fn remark(&self) -> Option<String> {
        match (self.counters.is_empty(), self.unreadable_names) {
            (true, 0) => Some(
                "none of its metrics tell of a mesh: known are those of Envoy, Istio and App Mesh".to_owned(),
            ),
            (_, 0) => None,
            (_, count) => Some(format!(
                "{count} metrics have names with dots that Envoy cut apart: ask its admin interface instead, under \
                 `envoy.targets`"
            )),
        }
    }
}

/// Reads the edges of a mesh out of an exposition. Families of deltas are left alone: nobody could add them up without
/// knowing what was missed.
pub fn mesh_counters(exposition: &Exposition<'_>, context: &MappingContext) -> Mapped {
    let mut builder = Builder::new(context);
    for family in &exposition.families {
        if family.temporality == Temporality::Delta || matches!(family.kind, Kind::Gauge | Kind::Summary) {
            continue;
        }
        let name = &*family.name;
        if name.starts_with("istio_") {
            istio::map(family, &mut builder);
        } else if let Some(metric) = app_mesh::metric(name) {
            app_mesh::map(family, metric, &mut builder);
        } else if let Some(rest) = name.strip_prefix("envoy_") {
            envoy::map(family, rest, &mut builder);
        }
    }
    builder.finished()
}

/// A label that Istio and others fill with a word where they know nothing.
fn known<'a>(sample: &'a Sample<'_>, label: &str) -> &'a str {
    match sample.label(label) {
        "unknown" | "-" => "",
        value => value,
    }
}

#[cfg(test)]
mod tests;
