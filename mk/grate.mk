# The Lind grate: building it, its tests under a host of our own, its figures. See docs/lind.md.
#
# The module is built by Debian's packages of rustc, cargo and lld, with the standard library rebuilt for shared memory, and
# finished by Binaryen (version 108 or later).

GRATE_DIR     := target/grate/wasm32-unknown-unknown/grate
GRATE         := target/imfs-grate.wasm
GRATE_RUST    := RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TERM_PROGRESS_WHEN=never /usr/bin/cargo
WASM_LD       ?= wasm-ld-19
WASM_OPT      ?= wasm-opt

# The initial memory is known to the grate as INITIAL_MEMORY. Handlers start at table index 2.
GRATE_LDFLAGS := -z stack-size=1048576 --stack-first --no-demangle --gc-sections \
	--import-memory --export-memory --shared-memory --initial-memory=2097152 --max-memory=4294967296 \
	--table-base=2 --export=pass_fptr_to_wt --export=__stack_pointer --export=__stack_low

.PHONY: grate grate-deps test-grate bench-grate lint-grate lint-testhost

grate-deps:
	@tools/install-deps grate

grate: grate-deps ## build the Lind grate: target/imfs-grate.wasm
	cd crates/imfs-grate && $(GRATE_RUST) build --profile grate --quiet
	$(WASM_LD) $(GRATE_LDFLAGS) -o $(GRATE_DIR)/imfs-grate.wasm $(GRATE_DIR)/libimfs_grate.a
	$(WASM_OPT) --asyncify --pass-arg=asyncify-onlylist@_start,lind_unwinding_call -O2 -g \
		$(GRATE_DIR)/imfs-grate.wasm -o $(GRATE)

CAGES_DIR     := target/cages/wasm32-unknown-unknown/release
CAGES         := target/cages.wasm
CAGE_LDFLAGS  := -z stack-size=262144 --stack-first --no-demangle --gc-sections \
	--import-memory --export-memory --shared-memory --initial-memory=2097152 --max-memory=4294967296 \
	--export=thread_start --export=pass_fptr_to_wt --table-base=2 --export=__stack_pointer --export=__stack_low

$(CAGES): grate-deps
	cd crates/lind-testhost/cages && $(GRATE_RUST) build --release --quiet
	$(WASM_LD) $(CAGE_LDFLAGS) -o $(CAGES_DIR)/cages.wasm $(CAGES_DIR)/libcages.a
	$(WASM_OPT) --asyncify --pass-arg=asyncify-imports@lind.make-syscall -O1 -g $(CAGES_DIR)/cages.wasm -o $(CAGES)

.PHONY: $(CAGES)

test-grate: grate $(CAGES) ## run the tests of the Lind grate under a host of our own
	cd crates/lind-testhost && IMFS_GRATE=$(abspath $(GRATE)) IMFS_CAGES=$(abspath $(CAGES)) $(CARGO) test --quiet

bench-grate: grate $(CAGES) ## print what each handler of the Lind grate costs above an empty one
	cd crates/lind-testhost && IMFS_GRATE=$(abspath $(GRATE)) IMFS_CAGES=$(abspath $(CAGES)) \
		$(CARGO) run --quiet --example figures

lint-grate: grate-deps ## check format and lints of the grate
	@if rustup target list --installed | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown; \
		then RUSTC_BOOTSTRAP=1 $(CARGO) clippy --package imfs-grate --target wasm32-unknown-unknown -- --deny warnings; \
		else echo "SKIPPED: the lints of the grate, for rustup cannot get its target"; fi
	cd crates/lind-testhost && $(CARGO) fmt --check
	cd crates/lind-testhost/cages && $(CARGO) fmt --check

lint-testhost: grate-deps ## check the lints of its test host
	cd crates/lind-testhost && $(CARGO) clippy --all-targets -- --deny warnings
