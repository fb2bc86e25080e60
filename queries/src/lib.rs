//! Everything that speaks SQL: the store with its one writer and many readers, the rows that are stored, the
//! questions that are asked of them, and the wire types of the answers.
//!
//! The wire types in [`api`] also compile for the browser; everything else lives on the server only.

pub mod api;
#[cfg(not(target_family = "wasm"))]
pub mod canary;
#[cfg(not(target_family = "wasm"))]
pub mod dictionary;
#[cfg(not(target_family = "wasm"))]
pub mod frame;
#[cfg(not(target_family = "wasm"))]
pub mod graph;
#[cfg(not(target_family = "wasm"))]
pub mod log;
#[cfg(not(target_family = "wasm"))]
pub mod rows;
#[cfg(not(target_family = "wasm"))]
pub mod search;
#[cfg(not(target_family = "wasm"))]
pub mod services;
#[cfg(not(target_family = "wasm"))]
pub mod sketch;
#[cfg(not(target_family = "wasm"))]
pub mod store;
#[cfg(not(target_family = "wasm"))]
pub mod trace;
#[cfg(not(target_family = "wasm"))]
pub mod watches;
#[cfg(not(target_family = "wasm"))]
pub mod waterfall;
