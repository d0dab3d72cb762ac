# One place for the commands that people and CI run. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test test-native test-libunftp test-doc test-deploy-but-for-image test-stores keys test-deploy dist lint advisories site bench attack

# All features in every target: one set of compiled dependencies serves lint, tests and documentation.
FEATURES := --all-features
# Most tests wait for servers and clients more than they compute.
THREADS := --test-threads $(shell echo $$((4 * $$(nproc))))
# One goal after the other. (A recipe with the name of make itself would run under `make -n`, too.)
IN_TURN := $(MAKE) --no-print-directory -j1
# Here tests write what they can't do on this machine.
export WHARF_TEST_SKIPPED := $(CURDIR)/target/skipped-tests
export PATH := $(CURDIR)/.test-tools/nextest/bin:$(CURDIR)/.test-tools/deny/bin:$(CURDIR)/.test-tools/cyclonedx/bin:$(PATH)

help: ## Lists these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Builds the server and starts it on 127.0.0.1:2121; it prints how to log in.
	cargo run --locked -- serve

test: ## Installs the storage servers and clients that the tests need, starts them and runs every test.
	scripts/install-test-tools test deploy
	rm -f $(WHARF_TEST_SKIPPED)
	cargo nextest run --locked --workspace $(FEATURES) --no-run
	scripts/with-image $(IN_TURN) test-native test-libunftp test-doc test-deploy-but-for-image
	@test ! -e $(WHARF_TEST_SKIPPED) || { echo 'Left out, as this machine does not permit it:'; sort -u $(WHARF_TEST_SKIPPED); }

test-native:
	scripts/with-servers cargo nextest run --locked --workspace $(FEATURES) $(THREADS)

# The integration tests that don't belong to the native engine alone.
test-libunftp:
	WHARF_TEST_ENGINE=libunftp scripts/with-servers cargo nextest run --locked $(FEATURES) $(THREADS) --test integration -E '!test(/^(documents|native|real_clients|stores)::|::native_only::/)'

test-doc:
	cargo test --locked --workspace $(FEATURES) --doc --quiet

test-deploy-but-for-image:
	cargo test --locked --workspace $(FEATURES) --no-run --quiet
	scripts/test-deploy

test-stores: ## Runs the tests of stores on every one of them, also those that take long to build, and writes the guide's table.
	scripts/install-test-tools test stores
	cargo nextest run --locked $(FEATURES) --package wharf --test integration --no-run
	scripts/with-servers cargo nextest run --locked $(FEATURES) --package wharf --test integration --profile stores
	WHARF_TEST_WRITE_TABLE=1 cargo nextest run --locked $(FEATURES) --package wharf --test integration -E 'test(/^stores::table::/)'

keys: ## Writes what is made of the definitions of the configuration's keys: the schema, the guide's tables, the chart's lists and descriptions.
	WHARF_TEST_WRITE_TABLE=1 cargo test --locked $(FEATURES) --lib config::tests::keys::files
	scripts/chart-readme

test-deploy: ## Builds the image and tries it, the packages, the Helm chart, the compose file and the systemd unit.
	scripts/install-test-tools deploy
	scripts/with-image $(IN_TURN) test-deploy-but-for-image

dist: ## Builds what a release has, into target/dist (MACHINES="x86_64 aarch64"; VERIFY=1: twice, and compares).
	scripts/install-test-tools dist
	scripts/dist $(if $(VERIFY),--verify) $(MACHINES)

lint: ## Formatting, clippy, documentation, licences and sources of the dependencies, workflows: all without warnings.
	scripts/install-test-tools lint
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets $(FEATURES) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace $(FEATURES) --no-deps --quiet
	cargo deny --all-features --log-level error check bans licenses sources
	.test-tools/workflows/bin/actionlint
	.test-tools/workflows/bin/zizmor --offline --quiet --persona pedantic .github

advisories: ## Known vulnerabilities of the dependencies (fetches the RustSec database).
	scripts/install-test-tools lint
	cargo deny --all-features check advisories

site: ## Builds the site of the guide into target/site.
	scripts/install-test-tools site
	scripts/site/build
	scripts/site/check

# The program by itself: target/release/wharf-bench --help
bench: ## Measures Wharf and other FTP servers side by side (QUICK=1: small sizes; ROUNDS=N; TABLES=local,object,limits,far,growth; SERVERS=, ROWS=A,B; SFTPGO=FILE, PLACE=FOLDER, PICTURES=FOLDER; DELAY=15ms, BANDWIDTH=30: how far it is).
	scripts/install-bench-tools
	cargo build --release --locked
	cargo run --release --locked --quiet --package wharf-bench -- $(if $(QUICK),--quick) $(if $(TABLES),--tables $(TABLES)) \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SERVERS),--servers $(SERVERS)) $(if $(ROWS),--rows $(ROWS)) \
	  $(if $(SFTPGO),--sftpgo $(SFTPGO)) $(if $(PLACE),--place $(PLACE)) $(if $(PICTURES),--pictures $(PICTURES)) \
	  $(if $(DELAY),--delay $(DELAY)) $(if $(BANDWIDTH),--bandwidth $(BANDWIDTH)) --goals $(or $(GOALS),bench/goals.toml)

# The program by itself: python3 scripts/attack --help
attack: ## Attacks a server of its own, on loopback, and shows what a good client sees of it (QUICK=1: small loads; PROBES=A,B).
	cargo build --release --locked
	python3 scripts/attack --wharf $(or $(CARGO_TARGET_DIR),target)/release/wharf $(if $(QUICK),--quick) \
	  $(if $(PROBES),--probes $(PROBES))
