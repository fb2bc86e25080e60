#!/usr/bin/env bash
# The npm packages of the build (wasm-opt) and of the tests (browser driver, OpenTelemetry SDK).
source "$(dirname "$0")/lib.sh"

npm_ci .setup/node "$cache/node"
