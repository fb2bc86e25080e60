#!/usr/bin/env bash
# Everything that is checked without running it.
source "$(dirname "$0")/lib.sh"
source .setup/wasm.sh

say "formatting"
"$cargo" fmt --all --check
say "clippy for the server"
"$cargo" clippy --locked --workspace --all-targets --quiet -- -D warnings
if [ "$(wasm_compiler)" = native ]; then
    say "clippy for the browser"
    "$cargo" clippy --locked -p sidecarta-frontend --target wasm32-unknown-unknown --quiet -- -D warnings
else
    say "clippy for the browser is left out: this toolchain has no wasm32 target"
fi
say "scripts"
for script in .setup/*.sh .ci/run; do
    bash -n "$script"
done
for script in $(find tests/browser -name '*.mjs' -not -path '*/node_modules/*' 2>/dev/null); do
    node --check "$script"
done
say "lint passed"
