#!/usr/bin/env bash
# Runs the benchmarks with what they need of a browser; the arguments are theirs.
source "$(dirname "$0")/lib.sh"

browser_environment
exec "$cargo" run --release --locked -p sidecarta-tests --bin bench -- "$@"
