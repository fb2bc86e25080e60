#!/usr/bin/env bash
# A Chromium for the browser tests: the one that is here, else Debian's.
source "$(dirname "$0")/lib.sh"

for name in ${SIDECARTA_CHROMIUM:+"$SIDECARTA_CHROMIUM"} chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done
apt_install "the browser tests need Chromium" chromium fonts-inter
