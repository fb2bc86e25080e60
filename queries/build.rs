//! Puts DuckDB's shared library beside the binaries, where their run path looks for it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    let wasm = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    let bundled = env::var_os("CARGO_FEATURE_BUNDLED").is_some();
    let Some(lib_dir) = env::var_os("DUCKDB_LIB_DIR").filter(|_| !wasm && !bundled) else { return Ok(()) };
    let library = Path::new(&lib_dir).join("libduckdb.so");
    println!("cargo::rerun-if-changed={}", library.display());
    if !library.exists() {
        println!("cargo::error={} is missing: run `make setup` first", library.display());
        return Ok(());
    }
    // OUT_DIR is target/<profile>/build/<package>/out.
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let Some(profile_dir) = out_dir.ancestors().nth(3) else { return Ok(()) };
    let beside = profile_dir.join("libduckdb.so");
    if !same_file(&library, &beside)? {
        // Renamed into place: a server that runs from here keeps the library it started with.
        let copy = out_dir.join("libduckdb.so");
        fs::copy(&library, &copy)?;
        fs::rename(&copy, &beside)?;
    }
    Ok(())
}

/// Whether `copy` is as long as `original` and not older.
fn same_file(original: &Path, copy: &Path) -> io::Result<bool> {
    let Ok(copy) = fs::metadata(copy) else { return Ok(false) };
    let original = fs::metadata(original)?;
    Ok(original.len() == copy.len() && original.modified()? <= copy.modified()?)
}
