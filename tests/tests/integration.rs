//! The whole product from outside: the real binary, real senders, real Envoys.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "integration/access_logs.rs"]
mod access_logs;
#[path = "integration/api.rs"]
mod api;
#[path = "integration/clients.rs"]
mod clients;
#[path = "integration/cloudwatch_logs.rs"]
mod cloudwatch_logs;
#[path = "integration/crash.rs"]
mod crash;
#[path = "integration/fleet.rs"]
mod fleet;
#[path = "integration/followed.rs"]
mod followed;
#[path = "integration/harness.rs"]
mod harness;
#[path = "integration/identity.rs"]
mod identity;
#[path = "integration/lab.rs"]
mod lab;
#[path = "integration/logging_envoys.rs"]
mod logging_envoys;
#[path = "integration/otlp.rs"]
mod otlp;
#[path = "integration/pipelines.rs"]
mod pipelines;
#[path = "integration/process.rs"]
mod process;
#[path = "integration/prometheus.rs"]
mod prometheus;
#[path = "integration/push.rs"]
mod push;
#[path = "integration/rollout.rs"]
mod rollout;
#[path = "integration/route_truth.rs"]
mod route_truth;
#[path = "integration/scrape.rs"]
mod scrape;
#[path = "integration/search.rs"]
mod search;
#[path = "integration/service_connect.rs"]
mod service_connect;
#[path = "integration/traces.rs"]
mod traces;
#[path = "integration/truth.rs"]
mod truth;
#[path = "integration/two_versions.rs"]
mod two_versions;
#[path = "integration/watches.rs"]
mod watches;
#[path = "integration/xray_daemon.rs"]
mod xray_daemon;
#[path = "integration/xray_pull.rs"]
mod xray_pull;
