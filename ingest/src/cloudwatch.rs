//! AWS CloudWatch: what proxies and applications have logged there, and what ECS Service Connect counts there.

mod logs;
mod service_connect;

pub use logs::{LogGroupConfig, LogGroupReader, LogKind};
pub use service_connect::{ServiceConnect, ServiceConnectConfig};
