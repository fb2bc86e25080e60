//! The harness of the tests and the demo mesh.

pub mod harness;
pub mod mesh;
