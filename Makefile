# The commands for developers. Each target first installs what it needs, which is instant when nothing is missing.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run dev build test fuzz soak lint deny format bench pictures dist setup setup-test setup-fuzz setup-deny

# Puts the tools that .tools/setup installed on PATH.
with := . .tools/env &&

help: ## Print this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: ## Build quickly and serve on http://127.0.0.1:3000
	@exec .tools/run

dev: setup ## Serve, and rebuild and reload after every change
	@$(with) exec cargo leptos watch

build: setup-test ## Build the server and the front end for the end-to-end tests
	@$(with) .tools/front-end wasm-dev target/site
	@$(with) cargo build --locked --features ssr --bin latchkey

test: setup-test ## Run all tests: Rust on SQLite and PostgreSQL, pages in Chromium
	@$(with) .tools/with-postgres cargo test --features ssr
	@$(MAKE) --no-print-directory build
	@$(with) .tools/with-postgres npm --prefix end2end test

FUZZ_SECONDS := 60
fuzz: setup-fuzz ## Fuzz the parsers of tokens and permission queries, a minute each; needs a nightly Rust
	@cp Cargo.lock .tools/fuzz/
	@$(with) for target in token permission_query; do RUSTFLAGS='--cfg erase_components' cargo +nightly fuzz run --dev --sanitizer none --fuzz-dir .tools/fuzz --target-dir target/fuzz $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; done

soak: setup-test ## Run the long tests of a release, for hours: 10,000 interleavings, every theme, fuzzing; needs a nightly Rust
	@$(with) LATCHKEY_TEST_ROUNDS=100 .tools/with-postgres cargo test --features ssr --lib -- tests::load
	@$(with) LATCHKEY_TEST_ROUNDS=1000 .tools/with-postgres cargo test --features ssr --lib -- ::races::
	@$(MAKE) --no-print-directory build
	@$(with) LATCHKEY_TEST_THEMES=all LATCHKEY_TEST_EXAMPLES=600 .tools/with-postgres npm --prefix end2end test -- pages.spec.ts fuzz.spec.ts
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=3600

lint: setup-test ## Check formatting, clippy for both builds, unused dependencies, end-to-end code
	@$(with) cargo fmt --check
	@$(with) cargo clippy --locked --all-targets --features ssr -- -D warnings
	@$(with) cargo clippy --locked --lib --target wasm32-unknown-unknown --features hydrate -- -D warnings
	@$(with) .tools/unused-dependencies
	@$(with) npm --prefix end2end run lint

# The database of advisories is a Git repository, which not every machine can reach: the workflow checks them.
deny: setup-deny ## Check the licences and sources of all dependencies, and that banned ones are absent
	@$(with) cargo deny check bans licenses sources

format: setup-test ## Format the Rust code and the end-to-end code
	@$(with) cargo fmt
	@$(with) npm --prefix end2end run format

bench: setup-test ## Measure start-up, memory, pages, sign-in, key checks, large lists, webhooks, live pages and reload
	@.tools/setup bench
	@.tools/release
	@$(with) npm --prefix end2end run --silent bench
	@$(with) npm --prefix end2end run --silent bench:pages
	@$(with) npm --prefix end2end run --silent bench:keys
	@$(with) .tools/with-postgres npm --prefix end2end run --silent bench:list
	@$(with) .tools/with-postgres npm --prefix end2end run --silent bench:teams
	@$(with) .tools/with-postgres npm --prefix end2end run --silent bench:device
	@$(with) .tools/with-postgres npm --prefix end2end run --silent bench:webhooks
	@$(with) npm --prefix end2end run --silent bench:live
	@$(with) npm --prefix end2end run --silent bench:reload

pictures: build ## Take README's two pictures
	@$(with) npm --prefix end2end run --silent pictures

dist: setup ## Build the self-contained binary and its packaging files into dist/
	@.tools/dist

setup: ## Install what the build needs
	@.tools/setup

setup-test: ## Install what the tests need
	@.tools/setup test

setup-fuzz:
	@.tools/setup fuzz

setup-deny:
	@.tools/setup deny
