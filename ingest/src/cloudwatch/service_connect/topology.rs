//! Which services of ECS there are, and by which names others discover them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::Service;

use crate::aws::{AwsSource, Fault};

/// How many services are described by one call, as ECS has it.
const PER_CALL: usize = 10;
/// Services of a cluster beyond which no more are listed.
const MAX_SERVICES: usize = 5_000;

/// What is known of the services of all clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Topology {
    /// By cluster and name.
    services: BTreeMap<(String, String), Member>,
    /// Services by the name that others discover them by, behind its namespace.
    owners: BTreeMap<(String, String), BTreeSet<String>>,
}

/// A service in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Member {
    /// The namespace of Cloud Map; empty where the service has none.
    pub(super) namespace: String,
    /// The first name that others discover it by; empty where none can.
    pub(super) discovery: String,
}

impl Topology {
    /// Adds a service as ECS describes it.
    pub(super) fn add(&mut self, cluster: &str, service: &Service) {
        let Some(name) = service.service_name() else { return };
        // The primary deployment comes first.
        let config = service
            .deployments()
            .iter()
            .find_map(|deployment| deployment.service_connect_configuration())
            .filter(|config| config.enabled());
        let mut member = Member::default();
        if let Some(config) = config {
            let namespace = config.namespace().unwrap_or_default();
            namespace.rsplit('/').next().unwrap_or_default().clone_into(&mut member.namespace);
            for port in config.services() {
                // It is the port's own name unless it is said.
                let discovery = port.discovery_name().unwrap_or_else(|| port.port_name());
                if member.discovery.is_empty() {
                    discovery.clone_into(&mut member.discovery);
                }
                let key = (member.namespace.clone(), discovery.to_owned());
                self.owners.entry(key).or_default().insert(name.to_owned());
            }
        }
        self.services.insert((cluster.to_owned(), name.to_owned()), member);
    }

    /// How many services there are.
    pub(super) fn len(&self) -> usize {
        self.services.len()
    }

    /// What is known of a service.
    pub(super) fn member(&self, cluster: &str, service: &str) -> Option<&Member> {
        self.services.get(&(cluster.to_owned(), service.to_owned()))
    }

    /// The one service behind a name that others discover it by.
    pub(super) fn owner(&self, namespace: &str, discovery: &str) -> Option<&str> {
        let owners = self.owners.get(&(namespace.to_owned(), discovery.to_owned()))?;
        let first = owners.first().map(String::as_str);
        first.filter(|_| owners.len() == 1)
    }
}

/// Asks ECS for the services of a cluster.
pub(super) async fn describe(
    client: &aws_sdk_ecs::Client,
    source: &AwsSource,
    cluster: &str,
    topology: &mut Topology,
) -> Result<(), Fault> {
    let mut arns: Vec<String> = Vec::new();
    let mut token = None;
    loop {
        let call = client.list_services().cluster(cluster).max_results(100).set_next_token(token.clone());
        let page = source.call("ecs:ListServices", call.send()).await?;
        arns.extend(page.service_arns().iter().cloned());
        let next = page.next_token;
        if next.is_none() || next == token || arns.len() >= MAX_SERVICES {
            break;
        }
        token = next;
    }
    for some in arns.chunks(PER_CALL) {
        let call = client.describe_services().cluster(cluster).set_services(Some(some.to_vec()));
        let described = source.call("ecs:DescribeServices", call.send()).await?;
        described.services().iter().for_each(|service| topology.add(cluster, service));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Deployment, ServiceConnectConfiguration, ServiceConnectService};

    use super::*;

    fn service(name: &str, namespace: &str, ports: &[(&str, Option<&str>)]) -> Service {
        let ports = ports.iter().map(|&(port, discovery)| {
            ServiceConnectService::builder()
                .port_name(port)
                .set_discovery_name(discovery.map(str::to_owned))
                .build()
                .unwrap()
        });
        let config = ServiceConnectConfiguration::builder()
            .enabled(true)
            .namespace(namespace)
            .set_services(Some(ports.collect()))
            .build();
        let deployment = Deployment::builder().service_connect_configuration(config).build();
        Service::builder().service_name(name).deployments(deployment).build()
    }

    #[test]
    fn names_lead_to_the_service_behind_them() {
        let mut topology = Topology::default();
        topology.add("prod", &service("orders-svc", "shop", &[("http", Some("orders")), ("admin", None)]));
        topology.add("prod", &service("a", "arn:aws:servicediscovery:r:1:namespace/ns-1", &[("http", None)]));
        topology.add("prod", &service("b", "ns-1", &[("http", None)]));
        topology.add("prod", &Service::builder().service_name("plain").build());
        topology.add("prod", &Service::builder().build());
        assert_eq!(topology.owner("shop", "orders"), Some("orders-svc"));
        assert_eq!(topology.owner("shop", "admin"), Some("orders-svc"));
        assert_eq!(topology.owner("ns-1", "http"), None, "two services have it");
        assert_eq!(topology.member("prod", "orders-svc").unwrap().discovery, "orders");
        assert_eq!(topology.member("prod", "plain"), Some(&Member::default()));
        assert_eq!((topology.member("test", "plain"), topology.len()), (None, 4));
    }
}
