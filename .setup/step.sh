#!/usr/bin/env bash
# `step.sh STAMP` runs the step that the stamp is named for, unless another clone has just done so.
source "$(dirname "$0")/lib.sh"

stamp=$1
name=$(basename "${stamp%-*}")
mkdir -p "$(dirname "$stamp")"
exec 9>"$cache/setup.lock"
flock 9
[ ! -e "$stamp" ] || exit 0
say "setting up $name"
".setup/$name.sh"
rm -f "${stamp%-*}"-*
touch "$stamp"
