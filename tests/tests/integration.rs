//! The whole product from outside: the real binary, real senders, real Envoys.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "integration/harness.rs"]
mod harness;
#[path = "integration/truth.rs"]
mod truth;
