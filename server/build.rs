//! Stops with one clear sentence where the dashboard has not been built.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=../frontend/dist");
    println!("cargo::rerun-if-changed=build.rs");
    let wanted = env::var_os("CARGO_FEATURE_UI").is_some();
    if wanted && !Path::new("../frontend/dist/index.html").exists() {
        println!(
            "cargo::error=the dashboard is missing: run `make dashboard` (or build with --no-default-features)"
        );
    }
}
