//! Route configurations, as far as they name clusters.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RouteConfiguration {
    pub(super) name: String,
    pub(super) virtual_hosts: Vec<VirtualHost>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VirtualHost {
    pub(super) name: String,
    pub(super) routes: Vec<Route>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Route {
    name: String,
    #[serde(rename = "match")]
    matching: RouteMatch,
    #[serde(rename = "route")]
    action: Option<RouteAction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RouteMatch {
    prefix: Option<String>,
    path_separated_prefix: Option<String>,
    path: Option<String>,
    safe_regex: Option<Regex>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Regex {
    regex: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RouteAction {
    cluster: Option<String>,
    weighted_clusters: Option<WeightedClusters>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WeightedClusters {
    clusters: Vec<WeightedCluster>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WeightedCluster {
    name: String,
    weight: u32,
}

impl RouteConfiguration {
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        let actions =
            self.virtual_hosts.iter().flat_map(|host| &host.routes).filter_map(|route| route.action.as_ref());
        actions.flat_map(|action| {
            let weighted = action.weighted_clusters.iter().flat_map(|weighted| &weighted.clusters);
            action.cluster.as_deref().into_iter().chain(weighted.map(|target| target.name.as_str()))
        })
    }
}

impl Route {
    /// Its name, or what it matches where it has none.
    pub(super) fn label(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let RouteMatch { prefix, path_separated_prefix, path, safe_regex } = &self.matching;
        if let Some(prefix) = prefix {
            return format!("{prefix}*");
        }
        if let Some(prefix) = path_separated_prefix {
            return format!("{prefix}/*");
        }
        match (path, safe_regex) {
            (Some(path), _) => path.clone(),
            (None, Some(regex)) => format!("~{}", regex.regex),
            (None, None) => "*".to_owned(),
        }
    }

    pub(super) fn weighted_targets(&self) -> Vec<(String, u32)> {
        let weighted = self.action.as_ref().and_then(|route| route.weighted_clusters.as_ref());
        let targets = weighted.iter().flat_map(|weighted| &weighted.clusters);
        targets
            .filter(|target| !target.name.is_empty())
            .map(|target| (target.name.clone(), target.weight))
            .collect()
    }
}
