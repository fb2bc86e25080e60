#!/usr/bin/env bash
# Builds everything once, runs the Rust tests and then the browser tests, and closes with the runners' own last lines.
source "$(dirname "$0")/lib.sh"

export SIDECARTA_BIN="${SIDECARTA_BIN:-$CARGO_TARGET_DIR/debug/sidecarta}"
export SIDECARTA_DEMO_MESH="${SIDECARTA_DEMO_MESH:-$CARGO_TARGET_DIR/debug/demo-mesh}"
export SIDECARTA_ENVOY="${SIDECARTA_ENVOY:-$cache/envoy/envoy}"
export SIDECARTA_PYTHON="${SIDECARTA_PYTHON:-$cache/otel/bin/python}"
export SIDECARTA_MOTO="${SIDECARTA_MOTO:-$cache/moto/bin/python}"
browser_environment

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
failed=()

# run NAME COMMAND...: shows the output and keeps it; a failure lets the other runners still have their turn.
run() {
    local name=$1
    shift
    "$@" 2>&1 </dev/null | tee "$log/$name" || failed+=("$name")
}

say "building the tests"
"$cargo" build --locked --workspace --all-targets
if "$cargo" nextest --version >/dev/null 2>&1; then
    run rust "$cargo" nextest run --locked --workspace --no-fail-fast
else
    run rust "$cargo" test --locked --workspace --all-targets --no-fail-fast
fi
if grep -rqE '^\s*//[/!] ```' --include='*.rs' queries ingest server frontend tests; then
    # Doc tests are built in a folder of their own, where the run path leads nowhere.
    run doc env LD_LIBRARY_PATH="$DUCKDB_LIB_DIR" "$cargo" test --locked --workspace --doc
fi
browser_tests=$(find tests/browser -name '*.test.mjs' 2>/dev/null | sort)
if [ -n "$browser_tests" ]; then
    # shellcheck disable=SC2086 # one word a file
    run browser node --test --test-reporter=spec --test-concurrency=1 $browser_tests
fi

say "the closing lines"
grep -hE '^ *Summary |^test result: ' "$log/rust" "$log/doc" 2>/dev/null | grep -v ' 0 passed; 0 failed' || true
grep -hE '^ℹ (tests|pass|fail|skipped)' "$log/browser" 2>/dev/null || true
[ "${#failed[@]}" = 0 ] || fail "tests failed: ${failed[*]}"
say "all tests passed"
