#!/usr/bin/env bash
# A compiler for wasm32. It lives outside the cache, so this looks for it each time instead of trusting a stamp.
source "$(dirname "$0")/lib.sh"
source .setup/wasm.sh

command -v rustc >/dev/null || fail "Rust is missing: install Rust 1.95 or newer with rustup"
[ -z "$(wasm_compiler)" ] || exit 0
if [ "${SIDECARTA_WASM:-}" != debian ] && command -v rustup >/dev/null; then
    say "adding the wasm32 target"
    timeout 120 rustup --quiet target add wasm32-unknown-unknown </dev/null >/dev/null 2>&1 || true
    [ -z "$(wasm_compiler)" ] || exit 0
    say "rustup could not add the wasm32 target, so Debian's compiler takes its place"
fi
apt_install "the dashboard needs a Rust compiler for wasm32-unknown-unknown" \
    rustc-web cargo-web rust-web-src rust-web-llvm lld-22
