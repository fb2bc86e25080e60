//! Real clients against real listeners.

use super::*;
use crate::pipeline::Pipeline;
use crate::status::SourceBook;

mod client;
mod grpc;
mod http;
mod streams;

use client::{Doors, logs_of, points_of, request_of};

#[test]
fn the_default_configuration_has_no_problems() {
    assert_eq!(OtlpConfig::default().problems(), Vec::<String>::new());
    let bad =
        OtlpConfig { max_body_bytes: 0, max_connections: 0, max_memory_bytes: 0, ..OtlpConfig::default() };
    assert_eq!(bad.problems().len(), 2);
    let small = OtlpConfig { max_memory_bytes: 64 << 20, ..OtlpConfig::default() };
    assert_eq!(small.problems(), ["otlp.max_memory_bytes must be at least four times otlp.max_body_bytes"]);
}
