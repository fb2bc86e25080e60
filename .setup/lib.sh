# Sourced by the set-up scripts. SIDECARTA_CACHE, which `make` sets too, is the folder for everything they fetch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache="${SIDECARTA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sidecarta}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}" DUCKDB_LIB_DIR="${DUCKDB_LIB_DIR:-$cache/duckdb}"
cargo="${CARGO:-cargo}"

say() { printf 'sidecarta: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# Networks fail for a moment: three tries, each with a time limit, before the last error counts.
retry() {
    local try
    for try in 1 2; do
        timeout 900 "$@" && return 0
        say "try $try of \"$1 ${2-}\" failed, trying again"
        sleep $((try * 3))
    done
    timeout 900 "$@"
}

# apt_install REASON PACKAGE...: as root on Debian and its kin; anybody else is told what to install.
apt_install() {
    local reason=$1
    shift
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "$reason: install \"$*\" (Debian's names) and run this again"
    fi
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    retry apt-get -qq update >/dev/null </dev/null
    retry apt-get -qq install -y --no-install-recommends "$@" >/dev/null </dev/null ||
        fail "$reason, and apt-get could not install \"$*\""
}

# The Chromium or Chrome of this machine; fails where there is none.
find_chromium() {
    local name
    for name in ${SIDECARTA_CHROMIUM:+"$SIDECARTA_CHROMIUM"} chromium chromium-browser google-chrome \
        google-chrome-stable; do
        command -v "$name" && return 0
    done
    return 1
}

# Says to the browser tests and benchmarks where things are.
browser_environment() {
    export SIDECARTA_NODE_MODULES="${SIDECARTA_NODE_MODULES:-$cache/node/node_modules}"
    export NODE_PATH="$SIDECARTA_NODE_MODULES"
    SIDECARTA_CHROMIUM=$(find_chromium) || fail "there is no Chromium: run \`make setup\`"
    export SIDECARTA_CHROMIUM
}

# npm_ci SOURCE TARGET: the packages of a committed lock file, compared with the checksums in it.
npm_ci() {
    command -v npm >/dev/null || fail "npm is missing: install Node.js 20 or newer with npm"
    rm -rf "$2"
    mkdir -p "$2"
    cp "$1/package.json" "$1/package-lock.json" "$2/"
    retry npm ci --prefix "$2" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null </dev/null ||
        fail "npm could not install the packages of $1/package-lock.json"
}

# python_venv NAME: a virtual environment with the packages of python/NAME.txt, compared with the checksums in it.
python_venv() {
    command -v python3 >/dev/null || fail "python3 is missing: install Python 3.10 or newer with its venv module"
    rm -rf "${cache:?}/$1"
    python3 -m venv "$cache/$1" >/dev/null ||
        fail "python3 cannot make a virtual environment: install \"python3-venv\" (Debian's name) and run this again"
    retry "$cache/$1/bin/pip" --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
        -r ".setup/python/$1.txt" </dev/null || fail "pip could not install the packages of .setup/python/$1.txt"
}
