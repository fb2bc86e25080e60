//! The harness of the tests, the demo mesh, and proxies that are not real.

pub mod fake_admin;
pub mod fake_aws;
pub mod harness;
pub mod mesh;
