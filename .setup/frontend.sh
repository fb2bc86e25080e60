#!/usr/bin/env bash
# Builds the dashboard into frontend/dist, unless everything it is made of is as it was.
source "$(dirname "$0")/lib.sh"
source .setup/wasm.sh

dist=frontend/dist
sources=(frontend queries/src/api queries/src/api.rs queries/src/lib.rs queries/Cargo.toml Cargo.toml Cargo.lock
    .setup/frontend.sh .setup/compress.mjs .setup/wasm.sh .setup/wasm-bindgen .setup/node)
contents() { find "${sources[@]}" -type f -not -path "$dist*" -not -path '*/tests*' | LC_ALL=C sort | xargs sha256sum; }
key=$( (contents && wasm_compiler) | sha256sum)
[ ! -f "$dist/index.html" ] || [ "$(cat "$dist.key" 2>/dev/null)" != "$key" ] || exit 0
[ -f frontend/index.html ] || fail "frontend/index.html is missing, so there is no dashboard to build"

locked() { grep -A1 "^name = \"$2\"$" "$1" | sed -n 's/^version = "\(.*\)"$/\1/p'; }
module_format=$(locked Cargo.lock wasm-bindgen)
tool_format=$(locked .setup/wasm-bindgen/Cargo.lock wasm-bindgen-cli-support)
[ "$module_format" = "$tool_format" ] ||
    fail "wasm-bindgen is $module_format in Cargo.lock but $tool_format in .setup/wasm-bindgen: make them one version"

say "building the dashboard"
target="$CARGO_TARGET_DIR/web-$(wasm_compiler)"
build_wasm "$target" --locked --package sidecarta-frontend --profile wasm

made="$dist.new"
rm -rf "$made"
mkdir -p "$made"
"$cache/bindgen/bin/web-bindgen" "$target/wasm32-unknown-unknown/wasm/sidecarta_frontend.wasm" "$made" sidecarta
cp frontend/index.html "$made/"
[ ! -d frontend/static ] || cp -R frontend/static/. "$made/"

wasm="$made/sidecarta_bg.wasm"
if [ -x "$cache/node/node_modules/.bin/wasm-opt" ]; then
    # Not -Os: what it inlines makes the module 4 % smaller, but 12 % larger once it is compressed.
    "$cache/node/node_modules/.bin/wasm-opt" --duplicate-function-elimination --dae-optimizing \
        --remove-unused-module-elements --vacuum --optimize-instructions --precompute --simplify-globals-optimizing \
        --duplicate-function-elimination "$wasm" -o "$wasm.small"
    mv "$wasm.small" "$wasm"
else
    say "wasm-opt is not here, so the dashboard is larger than it could be"
fi

node .setup/compress.mjs "$made"
rm -rf "$dist"
mv "$made" "$dist"
printf '%s\n' "$key" >"$dist.key"
say "the dashboard is in $dist: $(cat "$dist"/*.br | wc -c) bytes to load, compressed"
