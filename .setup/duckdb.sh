#!/usr/bin/env bash
# DuckDB's shared library, taken out of the npm package that carries it.
source "$(dirname "$0")/lib.sh"

npm_ci .setup/duckdb "$cache/duckdb-npm"
library=$(find "$cache/duckdb-npm/node_modules" -name libduckdb.so -print -quit)
[ -n "$library" ] ||
    fail "DuckDB has no prebuilt library for $(uname -sm): build with \`cargo build --release --features bundled\`"
mkdir -p "$cache/duckdb"
# The library is replaced only by another one: its time is what cargo goes by.
cmp -s "$library" "$cache/duckdb/libduckdb.so" || mv "$library" "$cache/duckdb/libduckdb.so"
rm -rf "$cache/duckdb-npm"
