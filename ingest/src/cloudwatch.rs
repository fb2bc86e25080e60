//! AWS CloudWatch: what proxies and applications have logged there, and what ECS Service Connect counts there.

mod service_connect;

pub use service_connect::{ServiceConnect, ServiceConnectConfig};
