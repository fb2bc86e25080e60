//! Decodes `/config_dump` into the names, weights and encryption that Sidecarta compares traffic with. Pure.

mod dump;
mod routes;
mod value;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sidecarta_queries::rows::envoy::{ClusterConfig, ProxyConfig, WeightedRoute};

use self::dump::{Cluster, Dump, Listener};
use self::routes::RouteConfiguration;
use super::names::Names;

/// What a configuration dump says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// What is stored of it.
    pub proxy: ProxyConfig,
    /// The names that its statistics go by.
    pub names: Names,
}

impl Configuration {
    /// Reads an answer to `/config_dump`.
    pub fn decode(body: &[u8]) -> Result<Self, serde_json::Error> {
        let dump: Dump = serde_json::from_slice(body)?;
        let mut clusters: Vec<&Cluster> = dump.clusters().collect();
        clusters.sort_by(|one, other| one.name.cmp(&other.name));
        clusters.dedup_by(|one, other| one.name == other.name);
        let listeners: Vec<&Listener> = dump.listeners().collect();
        let routes: Vec<&RouteConfiguration> = dump.routes().collect();
        Ok(Self {
            proxy: proxy_config(&dump, &clusters, &listeners, &routes),
            names: names(&clusters, &listeners, &routes),
        })
    }
}

/// Configurations that are in use: proxies of one mesh have many in common. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Configurations(Arc<Mutex<Vec<Weak<Configuration>>>>);

impl Configurations {
    /// The one copy of a configuration.
    pub fn shared(&self, configuration: Configuration) -> Arc<Configuration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.strong_count() > 0);
        if let Some(known) = known.iter().filter_map(Weak::upgrade).find(|known| **known == configuration) {
            return known;
        }
        let configuration = Arc::new(configuration);
        known.push(Arc::downgrade(&configuration));
        configuration
    }
}

fn names(clusters: &[&Cluster], listeners: &[&Listener], routes: &[&RouteConfiguration]) -> Names {
    let mut names = Names::default();
    for cluster in clusters {
        let counted_as = cluster.alt_stat_name.as_deref().filter(|name| !name.is_empty());
        names.add_cluster(&cluster.name, counted_as.unwrap_or(&cluster.name));
    }
    for manager in listeners.iter().flat_map(|listener| listener.connection_managers()) {
        names.add_listener(&manager.stat_prefix);
    }
    let managers = listeners.iter().flat_map(|listener| listener.connection_managers());
    let inline = managers.filter_map(|manager| manager.route_config.as_ref());
    for virtual_host in routes.iter().copied().chain(inline).flat_map(|routes| &routes.virtual_hosts) {
        names.add_virtual_host(&virtual_host.name);
    }
    names
}

fn proxy_config(
    dump: &Dump,
    clusters: &[&Cluster],
    listeners: &[&Listener],
    routes: &[&RouteConfiguration],
) -> ProxyConfig {
    let inline = || listeners.iter().flat_map(|listener| listener.connection_managers());
    let reached: BTreeSet<&str> = routes
        .iter()
        .copied()
        .chain(inline().filter_map(|manager| manager.route_config.as_ref()))
        .flat_map(RouteConfiguration::targets)
        .chain(listeners.iter().flat_map(|listener| listener.tcp_targets()))
        .collect();
    let telemetry = dump.telemetry_clusters();
    ProxyConfig {
        clusters: clusters
            .iter()
            .map(|cluster| ClusterConfig {
                name: cluster.name.clone(),
                tls: cluster.is_encrypted(),
                mtls: cluster.is_mutual(),
                // A cluster that routes lead to carries traffic of the mesh, whatever else uses it.
                telemetry: telemetry.contains(cluster.name.as_str())
                    && !reached.contains(cluster.name.as_str()),
            })
            .collect(),
        weighted_routes: weighted_routes(routes),
        inbound_listeners: inbound(listeners)
            .flat_map(Listener::connection_managers)
            .map(|manager| manager.stat_prefix.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        inbound_clusters: inbound_clusters(listeners, routes),
    }
}

fn inbound<'a>(listeners: &'a [&'a Listener]) -> impl Iterator<Item = &'a Listener> {
    listeners.iter().copied().filter(|listener| listener.traffic_direction == "INBOUND")
}

fn inbound_clusters(listeners: &[&Listener], routes: &[&RouteConfiguration]) -> Vec<String> {
    let by_name: HashMap<&str, &RouteConfiguration> =
        routes.iter().map(|routes| (routes.name.as_str(), *routes)).collect();
    let mut clusters = BTreeSet::new();
    for listener in inbound(listeners) {
        clusters.extend(listener.tcp_targets());
        for manager in listener.connection_managers() {
            let discovered =
                manager.rds.as_ref().and_then(|rds| by_name.get(rds.route_config_name.as_str()).copied());
            if let Some(routes) = manager.route_config.as_ref().or(discovered) {
                clusters.extend(routes.targets());
            }
        }
    }
    clusters.into_iter().map(str::to_owned).collect()
}

/// All weighted routes, each under a name of its own. Envoy lists a route configuration once for every listener that
/// uses it, so equal ones are one.
fn weighted_routes(routes: &[&RouteConfiguration]) -> Vec<WeightedRoute> {
    let mut weighted: Vec<WeightedRoute> = Vec::new();
    for host in routes.iter().flat_map(|routes| &routes.virtual_hosts) {
        for route in &host.routes {
            let targets = route.weighted_targets();
            if targets.len() < 2 {
                continue;
            }
            let name = format!("{}/{}", host.name, route.label());
            let route = WeightedRoute { name, targets };
            if !weighted.contains(&route) {
                weighted.push(route);
            }
        }
    }
    weighted.sort_by(|one, other| one.name.cmp(&other.name));
    let mut counted: HashMap<String, usize> = HashMap::new();
    for route in &mut weighted {
        let count = counted.entry(route.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            route.name = format!("{} ({count})", route.name);
        }
    }
    weighted
}

#[cfg(test)]
mod tests;
