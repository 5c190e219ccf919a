//! What must hold whatever bytes come: one function a fuzz target. They panic where it does not.
//!
//! `fuzz/` beside the crates feeds them from cargo-fuzz, which needs a nightly toolchain; `tests/replay.rs` feeds them the
//! corpus and some thousand inputs of a fixed seed, on any.

mod attributes;
mod calls;
mod input;
mod paths;
mod specs;
mod tree;

pub use attributes::attributes;
pub use calls::calls;
pub use paths::paths;
pub use specs::specs;

/// A target: its name, as in `fuzz/fuzz_targets`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 4] =
    [("calls", calls), ("paths", paths), ("attributes", attributes), ("specs", specs)];
