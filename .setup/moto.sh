#!/usr/bin/env bash
# A stand-in for AWS by other people, which the tests of log groups read.
source "$(dirname "$0")/lib.sh"

python_venv moto
