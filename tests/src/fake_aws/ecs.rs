//! ECS: services in clusters, with what they say of Service Connect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{ACCOUNT, AwsError};

/// How many services one page lists, and one call describes.
const PAGE: usize = 10;

/// The services. Clones are one.
#[derive(Clone, Default)]
pub struct FakeEcs {
    clusters: Arc<Mutex<BTreeMap<String, BTreeMap<String, Value>>>>,
}

impl FakeEcs {
    /// Puts a service into a cluster, with its namespace and the names that others discover it by.
    pub fn put_service(&self, cluster: &str, name: &str, namespace: &str, discovery_names: &[&str]) {
        let ports: Vec<Value> = discovery_names
            .iter()
            .map(|name| {
                json!({
                    "portName": format!("{name}-port"),
                    "discoveryName": name,
                    "clientAliases": [{"port": 80, "dnsName": format!("{name}.{namespace}")}],
                })
            })
            .collect();
        let service = json!({
            "serviceArn": arn(cluster, name),
            "serviceName": name,
            "status": "ACTIVE",
            "deployments": [{
                "id": "ecs-svc/1",
                "status": "PRIMARY",
                "serviceConnectConfiguration": {"enabled": true, "namespace": namespace, "services": ports},
            }],
        });
        self.lock().entry(cluster.to_owned()).or_default().insert(name.to_owned(), service);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, Value>>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, operation: &str, body: &Bytes) -> Result<Bytes, AwsError> {
        let asked: Value = serde_json::from_slice(body)
            .map_err(|error| AwsError::new(400, "SerializationException", error.to_string()))?;
        let clusters = self.lock();
        let cluster = asked["cluster"].as_str().unwrap_or("default");
        let services = clusters
            .get(cluster)
            .ok_or_else(|| AwsError::new(400, "ClusterNotFoundException", "Cluster not found."))?;
        let answer = match operation {
            "ListServices" => {
                let start = asked["nextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
                let arns: Vec<String> =
                    services.keys().skip(start).take(PAGE).map(|name| arn(cluster, name)).collect();
                let next = (start + PAGE < services.len()).then(|| (start + PAGE).to_string());
                json!({"serviceArns": arns, "nextToken": next})
            }
            "DescribeServices" => {
                let wanted = asked["services"].as_array().cloned().unwrap_or_default();
                if wanted.len() > PAGE {
                    return Err(AwsError::new(
                        400,
                        "InvalidParameterException",
                        "Services cannot exceed 10.",
                    ));
                }
                let name =
                    |arn: &Value| arn.as_str().and_then(|arn| arn.rsplit('/').next().map(str::to_owned));
                let found = wanted.iter().filter_map(|arn| services.get(&name(arn)?));
                json!({"services": found.collect::<Vec<_>>(), "failures": []})
            }
            _ => return Err(AwsError::unknown(operation)),
        };
        Ok(Bytes::from(answer.to_string()))
    }
}

fn arn(cluster: &str, service: &str) -> String {
    format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:service/{cluster}/{service}")
}
