//! The `sidecarta` binary as a library: command line, configuration, lifecycle, HTTP API and the embedded dashboard.

pub mod api;
pub mod assets;
pub mod backtest_command;
pub mod canary_command;
mod canary_report;
pub mod cli;
pub mod config;
pub mod error;
pub mod lifecycle;
pub mod live;
pub mod open_files;
pub mod params;
pub mod remote;
pub mod router;
pub mod state;
pub mod watches;
