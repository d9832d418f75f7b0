# One word per habit. `make` alone lists them.

CARGO ?= cargo
# The fast runner where it is installed, else cargo's own.
RUNNER := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo nextest run || echo test)

.PHONY: help dev test needs fmt fmt-check lint docs tests release soak demo

help: ## List the habits
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

dev: fmt lint tests ## Before every commit: format, lint, test

test: needs fmt-check lint docs tests ## Install what is missing, check and test everything

needs:
	@sh scripts/needs.sh

fmt: ## Format
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

lint: ## Lint, warnings are errors
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

docs: ## Build the documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" $(CARGO) doc --workspace --no-deps --locked --quiet

tests: ## Run all tests
	$(CARGO) $(RUNNER) --workspace --locked

release: ## Build the binary
	$(CARGO) build --release --locked

soak: ## A minute of a hundred clients and a running replication
	WAYBILL_SOAK_S=60 $(CARGO) $(RUNNER) --locked -p waybill soak

demo: ## A centre and two edges in one process, with real files
	$(CARGO) run --release --locked -- demo
