# What people call. Each target first sets up what it needs; that is instant when it is there.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run dev test fuzz lint format bench dist setup setup-test setup-fuzz

# Recipes run with the pinned tools on the path.
with := . .tools/env &&

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: setup ## Build and serve on http://127.0.0.1:3000
	@.tools/release
	@$(with) exec target/release/latchkey serve

dev: setup ## Serve with reload at every change
	@$(with) exec cargo leptos watch

test: setup-test ## Run all tests: Rust on SQLite and PostgreSQL, pages in Chromium
	@$(with) .tools/with-postgres cargo test --features ssr
	@$(with) cargo leptos build
	@$(with) .tools/with-postgres npm --prefix end2end test

fuzz: setup-fuzz ## Feed the parser of tokens for a minute; needs a nightly Rust
	@cp Cargo.lock .tools/fuzz/
	@$(with) RUSTFLAGS='--cfg erase_components' cargo +nightly fuzz run --dev --sanitizer none --fuzz-dir .tools/fuzz --target-dir target/fuzz token -- -max_total_time=60

lint: setup-test ## Check formatting, clippy for both builds, end-to-end code
	@$(with) cargo fmt --check
	@$(with) cargo clippy --locked --all-targets --features ssr -- -D warnings
	@$(with) cargo clippy --locked --lib --target wasm32-unknown-unknown --features hydrate -- -D warnings
	@$(with) .tools/unused-dependencies
	@$(with) npm --prefix end2end run lint

format: setup-test ## Format everything
	@$(with) cargo fmt
	@$(with) npm --prefix end2end run format

bench: setup-test ## Measure start, memory, pages, sign-in, checks of keys, large lists and reload
	@.tools/setup bench
	@.tools/release
	@$(with) npm --prefix end2end run --silent bench
	@$(with) npm --prefix end2end run --silent bench:pages
	@$(with) npm --prefix end2end run --silent bench:keys
	@$(with) .tools/with-postgres npm --prefix end2end run --silent bench:list
	@$(with) .tools/with-postgres npm --prefix end2end run --silent bench:teams
	@$(with) .tools/with-postgres npm --prefix end2end run --silent bench:device
	@$(with) npm --prefix end2end run --silent bench:reload

dist: setup ## Make the one file that runs anywhere, in dist/
	@.tools/dist

setup: ## Install what building needs
	@.tools/setup

setup-test: ## Install what testing needs
	@.tools/setup test

setup-fuzz:
	@.tools/setup fuzz
