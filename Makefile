# Every command does its own set-up. What set-up fetches lies in one folder outside the clone, SIDECARTA_CACHE.
SHELL := bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export SIDECARTA_CACHE := $(or $(SIDECARTA_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sidecarta)
export CARGO ?= cargo
export CARGO_TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(SIDECARTA_CACHE)/target)
export DUCKDB_LIB_DIR := $(SIDECARTA_CACHE)/duckdb

# A step is done when its stamp is there. The stamp's name holds a checksum of the script and of what it pins.
pin = $(SIDECARTA_CACHE)/stamps/$(1)-$(shell cat .setup/$(1).sh $(2) | sha256sum | cut -c1-12)
DUCKDB := $(call pin,duckdb,.setup/duckdb/package-lock.json)
NODE := $(call pin,node,.setup/node/package-lock.json)
ENVOY := $(call pin,envoy,.setup/python/envoy.txt)
OTEL := $(call pin,otel,.setup/python/otel.txt)
MOTO := $(call pin,moto,.setup/python/moto.txt)
BINDGEN := $(call pin,bindgen,.setup/wasm-bindgen/Cargo.lock .setup/wasm-bindgen/src/main.rs)

.PHONY: help setup setup-build setup-tests build run demo test lint fmt bench clean env
.PHONY: dashboard links claim wasm-target chromium

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16
	@echo "  Downloads and builds are kept in $(SIDECARTA_CACHE)"

setup: setup-build setup-tests ## Fetch everything that building, the demo and the tests need
setup-build: links $(DUCKDB) $(NODE) $(BINDGEN) wasm-target
setup-tests: $(ENVOY) $(OTEL) $(MOTO) $(NODE) chromium

build: dashboard ## Build the release binary with the dashboard in it
	@$(CARGO) build --release --locked -p sidecarta-server
	@echo "Built $(CARGO_TARGET_DIR)/release/sidecarta"

run: build ## Build and start the server; ARGS="--envoy http://127.0.0.1:9901" adds flags
	@exec $(CARGO_TARGET_DIR)/release/sidecarta serve $(ARGS)

demo: build $(ENVOY) ## Start a mesh of Envoys with traffic, and Sidecarta watching it; ARGS adds flags
	@$(CARGO) build --release --locked -p sidecarta-tests --bin demo-mesh
	@exec $(CARGO_TARGET_DIR)/release/demo-mesh --sidecarta $(CARGO_TARGET_DIR)/release/sidecarta \
		--envoy $(SIDECARTA_CACHE)/envoy/envoy $(ARGS)

test: dashboard setup-tests ## Run every test: unit, property, integration, browser
	@.setup/test.sh

lint: dashboard ## Check formatting, clippy for the server and for the browser, and the scripts
	@.setup/lint.sh

fmt: ## Format the code
	@$(CARGO) fmt --all

bench: build chromium ## Print the figures of the benchmarks
	@.setup/bench.sh $(ARGS)

clean: ## Forget what was built from this clone's code; what was fetched stays
	@rm -rf frontend/dist frontend/dist.key
	@$(CARGO) clean --workspace

env: ## Print what to export before calling cargo by hand
	@echo 'export SIDECARTA_CACHE="$(SIDECARTA_CACHE)" DUCKDB_LIB_DIR="$(DUCKDB_LIB_DIR)"'
	@echo 'export CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)"'

dashboard: setup-build claim
	@.setup/frontend.sh

$(SIDECARTA_CACHE)/stamps/%:
	@.setup/step.sh $@

# .tools is where .cargo/config.toml finds DuckDB when cargo is called by hand.
links:
	@[ "$$(readlink .tools)" = "$(SIDECARTA_CACHE)" ] || ln -sfn "$(SIDECARTA_CACHE)" .tools

claim:
	@.setup/claim.sh

wasm-target chromium:
	@.setup/$@.sh
