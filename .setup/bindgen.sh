#!/usr/bin/env bash
# The small program that makes the JavaScript side of the wasm module.
source "$(dirname "$0")/lib.sh"

command -v "$cargo" >/dev/null || fail "cargo is missing: install Rust 1.95 or newer with rustup"
retry "$cargo" install --quiet --locked --force --path .setup/wasm-bindgen --root "$cache/bindgen" \
    --target-dir "$cache/bindgen/target" </dev/null || fail "cargo could not build .setup/wasm-bindgen"
rm -rf "$cache/bindgen/target"
