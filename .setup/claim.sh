#!/usr/bin/env bash
# Cargo tells two clones that share a target directory apart by the times of their files alone, and so takes the other
# clone's crates for this one's. The clone that comes second forgets the first one's; crates of the registry stay.
source "$(dirname "$0")/lib.sh"

mkdir -p "$CARGO_TARGET_DIR"
owner="$CARGO_TARGET_DIR/.workspace"
if [ "$(cat "$owner" 2>/dev/null || pwd)" != "$(pwd)" ]; then
    find "$CARGO_TARGET_DIR" -maxdepth 5 -path '*/.fingerprint/sidecarta-*' -prune -exec rm -rf {} +
fi
pwd >"$owner"
