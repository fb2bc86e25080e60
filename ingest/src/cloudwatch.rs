//! AWS CloudWatch: what proxies and applications have logged there, and what ECS Service Connect counts there.

mod logs;

pub use logs::{LogGroupConfig, LogGroupReader, LogKind};
