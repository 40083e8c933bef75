# make            builds the release; make run starts it; make test tests it; make install PREFIX=/usr/local
# Needs Rust, a C compiler and make; `make test` fetches what else it wants where it may (tests/install-deps.sh).

CARGO ?= cargo
PREFIX ?= /usr/local
BINDIR = $(DESTDIR)$(PREFIX)/bin
TARGET = $(or $(CARGO_TARGET_DIR),target)
SERVER = $(TARGET)/release/redis-server
# Other names of the server: the program looks at the name it was called by.
LINKS = redis-sentinel redis-check-rdb redis-check-aof
# make install VALKEY_NAMES=yes links Valkey's names as well.
VALKEY_NAMES ?= no
VALKEY_LINKS = $(if $(filter yes,$(VALKEY_NAMES)),valkey-server valkey-sentinel valkey-check-rdb valkey-check-aof)
# Options of the end-to-end tests, e.g. make test TESTARGS="--single unit/protocol --verbose".
TESTARGS ?=

all: build

build:
	$(CARGO) build --release
	@for name in redis-server $(LINKS); do ln -sf $(if $(filter /%,$(SERVER)),,../)$(SERVER) src/$$name; done

run: build
	$(SERVER) redis.conf

# The last line of the output is the result of the end-to-end tests.
test:
	@sh tests/install-deps.sh
	@$(MAKE) --no-print-directory build
	$(CARGO) test
	@command -v tclsh >/dev/null || { echo "make test needs tclsh (package tcl)" >&2; exit 1; }
	@tclsh tests/test_helper.tcl --server $(SERVER) $(TESTARGS)

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --features sim -- -D warnings

# Instructions per request, then CPU time per request beside the installed peers and the bare echo loop.
bench: build
	$(CARGO) bench --features sim --bench dispatch
	python3 utils/bench/compare.py --server ours=$(SERVER) --floor \
		$(if $(shell command -v redis-server),--server redis=$(shell command -v redis-server))

# A storm of malformed requests against a whole server in one process; STORM=10000000 for a long one.
STORM ?= 300000
fuzz-smoke:
	$(CARGO) bench --features sim --bench storm -- --requests $(STORM)

# Whole servers, simulated by seed (src/sim); SIM_SEED=17 with `cargo test --lib sim::` replays one of them.
SEEDS ?= 10000
sim:
	SIM_SEEDS=$(SEEDS) $(CARGO) test --lib sim:: -- --nocapture

# Unit tests of unsafe code under Miri, which installs nothing (tests/README.md).
MIRI_TESTS ?= base::alloc base::cells base::tape ds::record ds::table ds::ordered ds::bits the_wide_unit_says_the_same \
	keyspace::entry keyspace::tests keyspace::fields types::hash types::set types::zset
MIRI_SKIP ?=
miri:
	@$(CARGO) +nightly miri --version >/dev/null 2>&1 || { \
		echo "make miri needs: rustup toolchain install nightly --component miri --component rust-src" >&2; exit 1; }
	PROPTEST_CASES=2 RUSTFLAGS="-C target-feature=+avx2" MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-permissive-provenance" \
		$(CARGO) +nightly miri test --lib -- $(MIRI_TESTS) $(addprefix --skip ,$(MIRI_SKIP))

install: build
	mkdir -p $(BINDIR)
	install -m 755 $(SERVER) $(BINDIR)/redis-server
	@for name in $(LINKS) $(VALKEY_LINKS); do ln -sf redis-server $(BINDIR)/$$name; done

clean:
	$(CARGO) clean
	rm -rf tests/tmp
	rm -f src/redis-server $(LINKS:%=src/%)

.PHONY: all build run test check bench fuzz-smoke sim miri install clean
