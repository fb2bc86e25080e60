#!/usr/bin/env bash
# Everything that is checked without running it. One failure does not hide the next.
source "$(dirname "$0")/lib.sh"
source .setup/wasm.sh

failed=()

check() {
    local name=$1
    shift
    say "checking $name"
    "$@" || failed+=("$name")
}

scripts() {
    local script
    for script in .setup/*.sh .ci/run; do
        bash -n "$script" || return 1
    done
    for script in .setup/*.mjs $(find tests -name '*.mjs' -not -path '*/node_modules/*'); do
        node --check "$script" || return 1
    done
}

check formatting "$cargo" fmt --all --check
check scripts scripts
check "the server's code" "$cargo" clippy --locked --workspace --all-targets -- -D warnings
if [ "$(wasm_compiler)" = native ]; then
    check "the browser's code" "$cargo" clippy --locked -p sidecarta-frontend --target wasm32-unknown-unknown -- -D warnings
else
    say "clippy for the browser is left out: this toolchain has no wasm32 target"
fi
[ "${#failed[@]}" = 0 ] || fail "lint failed: ${failed[*]}"
say "lint passed"
