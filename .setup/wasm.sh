# Sourced: which compiler makes wasm. The toolchain's own wasm32 target comes first. Where rustup's server is out of
# reach, Debian's compiler for the web takes its place; it brings the standard library as source, hence -Zbuild-std,
# which is nightly's, hence the bootstrap switch. SIDECARTA_WASM=debian asks for the second one.

native_wasm() { [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ]; }

debian_wasm() { [ -x /usr/bin/wasm-ld-22 ] && dpkg -s rustc-web cargo-web rust-web-src >/dev/null 2>&1; }

# The name of the compiler that is there; nothing where there is none.
wasm_compiler() {
    if [ "${SIDECARTA_WASM:-}" != debian ] && native_wasm; then
        echo native
    elif debian_wasm; then
        echo debian
    fi
}

# build_wasm TARGET_DIR ARGUMENT...: a `cargo build` for the browser.
build_wasm() {
    local arguments=(build --target wasm32-unknown-unknown --target-dir "$1" "${@:2}")
    case $(wasm_compiler) in
    native) "$cargo" "${arguments[@]}" ;;
    debian) RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo "${arguments[@]}" -Zbuild-std=std,panic_abort ;;
    *) fail "there is no Rust compiler for wasm32-unknown-unknown: run \`make setup\`" ;;
    esac
}
