//! From names of statistics back to the names of what they count.
//!
//! Names of clusters and connection managers hold dots, and statistics are dotted paths, so a path alone does not say
//! where the name ends. The configuration's names do; where there is none, known families are told by their suffix.

use std::collections::HashMap;

/// The configured names, by the form that they take in statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    clusters: HashMap<String, String>,
    listeners: HashMap<String, String>,
}

impl Names {
    /// Tells of a cluster: its name and the name it counts under, which is `alt_stat_name` where that is set.
    pub fn add_cluster(&mut self, name: &str, counted_as: &str) {
        let stat_name = as_in_statistics(counted_as);
        self.clusters
            .entry(stat_name.clone())
            // Clusters that count under one name cannot be told apart; only that name is true of their sum.
            .and_modify(|known| {
                if known != name {
                    *known = stat_name;
                }
            })
            .or_insert_with(|| name.to_owned());
    }

    /// Tells of a connection manager's `stat_prefix`.
    pub fn add_listener(&mut self, prefix: &str) {
        self.listeners.insert(as_in_statistics(prefix), prefix.to_owned());
    }

    /// The cluster that counts under `cluster.<stat_name>.`, or nothing where that is a part of another cluster's
    /// requests counted a second time.
    pub fn cluster<'a>(&'a self, stat_name: &'a str) -> Option<&'a str> {
        match self.clusters.get(stat_name) {
            Some(name) => Some(name),
            None if is_second_count(stat_name) => None,
            None => Some(stat_name),
        }
    }

    /// The `stat_prefix` of the connection manager that counts under `http.<stat_prefix>.`, or nothing for the admin
    /// interface's own.
    pub fn listener<'a>(&'a self, stat_prefix: &'a str) -> Option<&'a str> {
        match stat_prefix {
            "admin" => None,
            _ => Some(self.listeners.get(stat_prefix).map_or(stat_prefix, String::as_str)),
        }
    }
}

/// Envoy counts each request again by origin, canary and zone, and retried responses apart. All of these stand below
/// the cluster's own name.
fn is_second_count(stat_name: &str) -> bool {
    let family = stat_name.rsplit_once('.').map_or("", |(_, family)| family);
    matches!(family, "internal" | "external" | "canary" | "retry") || stat_name.contains(".zone.")
}

/// How Envoy writes a name into the path of a statistic.
fn as_in_statistics(name: &str) -> String {
    name.replace("://", "_").replace(":/", "_").replace([':', '\0'], "_")
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn dotted_names_stay_whole() {
        let mut names = Names::default();
        names.add_cluster("orders.shop.svc.cluster.local:80", "orders.shop.svc.cluster.local:80");
        assert_eq!(
            names.cluster("orders.shop.svc.cluster.local_80"),
            Some("orders.shop.svc.cluster.local:80")
        );
        assert_eq!(names.cluster("never.heard.of"), Some("never.heard.of"));
    }

    #[test]
    fn second_counts_are_no_clusters_unless_one_is_called_so() {
        let mut names = Names::default();
        names.add_cluster("orders", "orders");
        names.add_cluster("billing.external", "billing.external");
        for second in
            ["orders.internal", "orders.external", "orders.canary", "orders.retry", "orders.zone.a.b"]
        {
            assert_eq!(names.cluster(second), None, "{second}");
        }
        assert_eq!(names.cluster("billing.external"), Some("billing.external"));
    }

    #[test]
    fn an_alternative_name_leads_back_unless_it_is_shared() {
        let mut names = Names::default();
        names.add_cluster("orders_v1_blue", "orders_v1");
        assert_eq!(names.cluster("orders_v1"), Some("orders_v1_blue"));
        names.add_cluster("orders_v1_green", "orders_v1");
        assert_eq!(names.cluster("orders_v1"), Some("orders_v1"));
    }

    #[test]
    fn the_admin_interface_is_no_listener() {
        let mut names = Names::default();
        names.add_listener("in:bound");
        assert_eq!(names.listener("in_bound"), Some("in:bound"));
        assert_eq!(names.listener("in.bound"), Some("in.bound"));
        assert_eq!(names.listener("admin"), None);
    }
}
