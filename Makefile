# Fenzhen. `make run` builds and serves; `make test` checks everything. Needs Rust and Python only:
# what else is needed is fetched from the package registries and pinned.

CARGO ?= cargo
PYTHON ?= python3
# The folder that cargo builds into, also where CARGO_TARGET_DIR points elsewhere.
TARGET ?= $(or $(CARGO_TARGET_DIR),target)
TOOLS := $(TARGET)/tools
FENZHEN := $(TARGET)/release/fenzhen

.PHONY: build run test check lint deny unit smoke eval bench load swaps clean

build: ## the executable and the library it needs, in target/release
	sh models/runtime/fetch.sh $(TARGET)/release
	$(CARGO) build --release --locked

run: build ## everything from nothing to a serving process
	$(FENZHEN) serve

test: lint deny unit build smoke eval ## what CI runs

check: lint deny ## formatting, lints, documentation, licences

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items --locked

deny: $(TOOLS)/bin/cargo-deny ## licences, duplicate versions and sources of dependencies
	$(TOOLS)/bin/cargo-deny --log-level warn check licenses bans sources

$(TOOLS)/bin/cargo-deny: .ci/tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --require-hashes --no-deps --only-binary=:all: -r .ci/tools.txt
	touch $@

unit: ## unit, data-driven, HTTP and process tests
	sh models/runtime/fetch.sh $(TARGET)/debug
	$(CARGO) test --locked

smoke: build ## the built executable from outside: start, curl, kill -9, load, stop
	$(PYTHON) tests/smoke.py $(FENZHEN)

eval: build ## figures on eval-data against eval-data/baseline.json
	$(FENZHEN) eval check

bench: ## median and 99th percentile of each part, single thread
	sh models/runtime/fetch.sh $(TARGET)/release
	$(CARGO) bench --locked --bench '*'

load: build ## requests a second and latency of the running service, bounded in time
	$(PYTHON) benches/load.py $(FENZHEN)

swaps: build ## memory and lost requests while the models are replaced 200 times
	$(PYTHON) benches/swaps.py $(FENZHEN)

clean:
	$(CARGO) clean
