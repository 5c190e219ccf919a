# The front door: one word for each habit. `make help` lists them.

CARGO  ?= cargo
PREFIX ?= /usr/local
IMFS   := target/release/imfs
LIB    := target/release/lib

# rustup puts cargo there; a shell that was open before it was installed does not know yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

.DEFAULT_GOAL := imfs
.PHONY: help deps imfs lib header debug demo test nextest test-rust test-pjdfstest test-fsx test-long test-suites \
	test-capi test-classic test-models test-loom test-miri fuzz fuzz-oracle bench bench-fuse guard lint man install clean

help: ## list the targets
	@sed -n 's/^\([a-z%-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

deps: ## install what building and testing need and is missing (cargo; apt: tcc, fuse3, ...)
	@tools/install-deps

imfs: deps ## build the command: target/release/imfs
	$(CARGO) build --release --package imfs-cli

lib: deps ## build the C library: target/release/lib/libimfs.a, libimfs.so
	$(CARGO) build --release --package imfs-capi
	crates/imfs-capi/build-lib target/release/libimfs_capi.a $(LIB)

header: deps ## write crates/imfs-capi/include/imfs.h anew, from the source of the C library
	IMFS_WRITE_HEADER=1 $(CARGO) test --quiet --package imfs-capi --test header

debug: deps ## build it with debug checks: target/debug/imfs
	$(CARGO) build --package imfs-cli

demo: imfs ## tcc compiles, links and runs a program in memory, and one file comes out
	@IMFS=$(abspath $(IMFS)) examples/demo/run

test: test-rust test-pjdfstest test-fsx test-grate ## run all tests but the long ones

# The test runner, which gives each test a process of its own.
nextest: deps
	@$(CARGO) nextest --version >/dev/null 2>&1 || $(CARGO) install --quiet --locked cargo-nextest

test-rust: nextest ## run the tests of the workspace, those of the documentation too
	$(CARGO) nextest run --workspace
	$(CARGO) test --workspace --doc --quiet

test-%: nextest ## run the tests whose names contain %, and pjdfstest's group of that name: make test-rename
	$(CARGO) nextest run --workspace $*
	tests/suites/pjdfstest $*

fuzz-oracle: deps ## random sequences of calls against the kernel, as root: make fuzz-oracle SECONDS=600
	IMFS_ORACLE_SECONDS=$(or $(SECONDS),60) $(CARGO) test --package imfs-oracle --test oracle random -- --nocapture

test-models: deps ## run the core's scenes in many orders of their threads (shuttle); IMFS_MODELS=n for n times as many
	RUSTFLAGS='--cfg imfs_model' CARGO_TARGET_DIR=target/models \
		$(CARGO) test --package imfs --lib -- models:: --test-threads=1

test-loom: deps ## check the protocols of the barriers in all orders of memory that there can be (loom)
	RUSTFLAGS='--cfg imfs_loom' CARGO_TARGET_DIR=target/loom \
		$(CARGO) test --package imfs --test barriers

test-miri: deps ## run the core's unit tests in Miri, if there is a nightly toolchain: an hour or so
	tools/test-miri

fuzz: deps ## feed calls, paths, attributes and staging specs with bytes, if there is cargo-fuzz: make fuzz SECONDS=60
	fuzz/run $(SECONDS)

test-pjdfstest: deps ## run the pjdfstest crate on a mount; nothing may fail
	tests/suites/pjdfstest

test-fsx: deps ## run the fsx crate on a mount: every operation, three seeds
	tests/suites/fsx

test-long: deps ## run fio, stress-ng and dbench on a mount: minutes
	tests/suites/long

test-suites: test-pjdfstest test-fsx test-long ## all of these

bench: deps ## compare with tmpfs, memcpy and other in-memory file systems: make bench OPS=stat_depth4,open_close QUICK=1
	$(CARGO) build --release --package imfs-bench --bin imfs-bench --features peers
	target/release/imfs-bench $(if $(OPS),--ops $(OPS)) $(if $(QUICK),--quick)

bench-fuse: imfs ## time everyday jobs on a mount and on a tmpfs, as root: make bench-fuse CPUS=1 ROUNDS=5
	ROUNDS=$(or $(ROUNDS),3) CPUS=$(CPUS) tools/bench-fuse

guard: deps ## compare the instructions that hot operations take with those recorded; ACCEPT=1 records them
	$(CARGO) build --release --package imfs-bench --bin imfs-guard --no-default-features
	target/release/imfs-guard $(if $(ACCEPT),--accept) crates/imfs-bench/instructions.txt

test-capi: deps ## test the C library: by gcc and clang, with AddressSanitizer and valgrind
	$(CARGO) test --package imfs-capi

test-classic: deps ## run the classic pjdfstest without mount and root: make test-classic PJDFSTEST_DIR=/path/to/pjdfstest T=rename
	@test -n "$(PJDFSTEST_DIR)" || { echo "set PJDFSTEST_DIR to a copy of the suite" >&2; exit 2; }
	$(CARGO) build --quiet --package imfs-pjdfstest
	target/debug/imfs-pjdfstest '$(PJDFSTEST_DIR)' '$(T)'

DOC = RUSTDOCFLAGS='--deny warnings --allow rustdoc::private-intra-doc-links' \
	$(CARGO) doc --no-deps --document-private-items --quiet

lint: deps ## check format, lints and documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	@# One after the other: the command and the crate have the same name, and write to the same directory.
	$(DOC) --package imfs-cli
	$(DOC) --workspace --exclude imfs-cli

man: deps ## write man pages and shell completions: target/generated
	$(CARGO) run --quiet --package imfs-cli -- generate target/generated

install: imfs lib man ## install the command, the C library, man pages and completions below $(PREFIX)
	crates/imfs-capi/install-lib $(LIB) '$(DESTDIR)' '$(PREFIX)'
	install -D -m 755 $(IMFS) $(DESTDIR)$(PREFIX)/bin/imfs
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 target/generated/man1/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -D -m 644 target/generated/completions/imfs.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/imfs
	install -D -m 644 target/generated/completions/_imfs $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_imfs
	install -D -m 644 target/generated/completions/imfs.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/imfs.fish

clean: ## remove what was built
	$(CARGO) clean

include mk/grate.mk
