//! The parts of a configuration dump that are read. Everything else is skipped without being kept.
//!
//! A dump may hold any extension's configuration, so a part whose shape is another's is no error: it is not read.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::routes::RouteConfiguration;
use super::value::{Encryption, references};

#[derive(Debug, Deserialize)]
pub(super) struct Dump {
    configs: Vec<Section>,
}

/// One section of a dump. Their fields have different names, so one type holds any of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Section {
    bootstrap: Bootstrap,
    static_clusters: Vec<ClusterEntry>,
    dynamic_active_clusters: Vec<ClusterEntry>,
    static_listeners: Vec<ListenerEntry>,
    dynamic_listeners: Vec<ListenerEntry>,
    static_route_configs: Vec<RoutesEntry>,
    dynamic_route_configs: Vec<RoutesEntry>,
}

/// The parts of the bootstrap that refer to clusters which carry telemetry or configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bootstrap {
    #[serde(deserialize_with = "references")]
    stats_sinks: BTreeSet<String>,
    #[serde(deserialize_with = "references")]
    dynamic_resources: BTreeSet<String>,
    #[serde(deserialize_with = "references")]
    tracing: BTreeSet<String>,
    #[serde(deserialize_with = "references")]
    hds_config: BTreeSet<String>,
    #[serde(deserialize_with = "references")]
    cluster_manager: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClusterEntry {
    cluster: Option<Cluster>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) alt_stat_name: Option<String>,
    transport_socket: Encryption,
    transport_socket_matches: Encryption,
    #[serde(deserialize_with = "references")]
    eds_cluster_config: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListenerEntry {
    listener: Option<Listener>,
    active_state: Option<ListenerState>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListenerState {
    listener: Option<Listener>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Listener {
    pub(super) traffic_direction: String,
    filter_chains: Vec<FilterChain>,
    default_filter_chain: Option<FilterChain>,
    #[serde(deserialize_with = "references")]
    access_log: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FilterChain {
    filters: Vec<Filter>,
    #[serde(deserialize_with = "references")]
    transport_socket: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    typed_config: FilterConfig,
}

/// A network filter, as far as it sends traffic on.
#[derive(Debug, Default)]
enum FilterConfig {
    Http(Box<ConnectionManager>),
    Tcp(BTreeSet<String>),
    #[default]
    Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConnectionManager {
    pub(super) stat_prefix: String,
    pub(super) route_config: Option<RouteConfiguration>,
    pub(super) rds: Option<Rds>,
    #[serde(deserialize_with = "references")]
    tracing: BTreeSet<String>,
    #[serde(deserialize_with = "references")]
    access_log: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rds {
    pub(super) route_config_name: String,
    #[serde(deserialize_with = "references")]
    config_source: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RoutesEntry {
    route_config: Option<RouteConfiguration>,
}

impl Dump {
    pub(super) fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.configs
            .iter()
            .flat_map(|section| section.static_clusters.iter().chain(&section.dynamic_active_clusters))
            .filter_map(|entry| entry.cluster.as_ref())
            .filter(|cluster| !cluster.name.is_empty())
    }

    pub(super) fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.configs
            .iter()
            .flat_map(|section| section.static_listeners.iter().chain(&section.dynamic_listeners))
            .filter_map(|entry| {
                let active = entry.active_state.as_ref().and_then(|state| state.listener.as_ref());
                entry.listener.as_ref().or(active)
            })
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = &RouteConfiguration> {
        self.configs
            .iter()
            .flat_map(|section| section.static_route_configs.iter().chain(&section.dynamic_route_configs))
            .filter_map(|entry| entry.route_config.as_ref())
    }

    /// The clusters that tracers, access logs, stats sinks and configuration sources use.
    pub(super) fn telemetry_clusters(&self) -> BTreeSet<&str> {
        let mut sets: Vec<&BTreeSet<String>> = Vec::new();
        for Section { bootstrap, .. } in &self.configs {
            sets.extend([&bootstrap.stats_sinks, &bootstrap.dynamic_resources, &bootstrap.tracing]);
            sets.extend([&bootstrap.hds_config, &bootstrap.cluster_manager]);
        }
        for cluster in self.clusters() {
            sets.push(&cluster.eds_cluster_config);
            sets.extend([&cluster.transport_socket.secrets, &cluster.transport_socket_matches.secrets]);
        }
        for listener in self.listeners() {
            sets.push(&listener.access_log);
            sets.extend(listener.chains().map(|chain| &chain.transport_socket));
            for manager in listener.connection_managers() {
                sets.extend([&manager.tracing, &manager.access_log]);
                sets.extend(manager.rds.as_ref().map(|rds| &rds.config_source));
            }
        }
        sets.into_iter().flatten().map(String::as_str).collect()
    }
}

impl Cluster {
    pub(super) fn is_encrypted(&self) -> bool {
        self.transport_socket.tls || self.transport_socket_matches.tls
    }

    /// Whether the proxy shows a certificate of its own.
    pub(super) fn is_mutual(&self) -> bool {
        self.transport_socket.mtls || self.transport_socket_matches.mtls
    }
}

impl Listener {
    fn chains(&self) -> impl Iterator<Item = &FilterChain> {
        self.filter_chains.iter().chain(&self.default_filter_chain)
    }

    pub(super) fn connection_managers(&self) -> impl Iterator<Item = &ConnectionManager> {
        self.chains().flat_map(|chain| &chain.filters).filter_map(|filter| match &filter.typed_config {
            FilterConfig::Http(manager) => Some(manager.as_ref()),
            _ => None,
        })
    }

    pub(super) fn tcp_targets(&self) -> impl Iterator<Item = &str> {
        let targets =
            self.chains().flat_map(|chain| &chain.filters).filter_map(|filter| match &filter.typed_config {
                FilterConfig::Tcp(targets) => Some(targets),
                _ => None,
            });
        targets.flatten().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for FilterConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let config = Value::deserialize(deserializer)?;
        let kind = config.get("@type").and_then(Value::as_str).unwrap_or_default();
        if kind.ends_with(".HttpConnectionManager") {
            return Ok(
                serde_json::from_value(config).map_or(Self::Other, |manager| Self::Http(Box::new(manager)))
            );
        }
        if kind.ends_with(".TcpProxy") {
            let mut targets = BTreeSet::new();
            targets.extend(config.get("cluster").and_then(Value::as_str).map(str::to_owned));
            let weighted = config.pointer("/weighted_clusters/clusters").and_then(Value::as_array);
            let names = weighted.into_iter().flatten().filter_map(|target| target.get("name")?.as_str());
            targets.extend(names.map(str::to_owned));
            return Ok(Self::Tcp(targets));
        }
        Ok(Self::Other)
    }
}
