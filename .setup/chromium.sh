#!/usr/bin/env bash
# A Chromium for the browser tests: the one that is here, else Debian's.
source "$(dirname "$0")/lib.sh"

find_chromium >/dev/null || apt_install "the browser tests need Chromium" chromium fonts-inter
