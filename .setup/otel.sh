#!/usr/bin/env bash
# The Python OpenTelemetry SDK with its own exporters, which the tests send from.
source "$(dirname "$0")/lib.sh"

python_venv otel
