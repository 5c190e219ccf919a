//! A host for tests of Lind grates: the 3i interface of Lind, as `docs/lind.md` describes it, on the stock wasmtime.
//!
//! It exists so that the real `imfs-grate.wasm` runs in CI under real WebAssembly: cages with host addresses, handler
//! tables, checked copies between cages, several workers over one memory, fork by asyncify, exec, wait, and everything
//! else forwarded to the Linux below, with paths in a scratch directory. It is no sandbox and no runtime for anything
//! but tests.
//!
//! # Where it is simpler than Lind
//! - exec and exit end the WebAssembly stack by a trap of the host's, not by asyncify; only fork unwinds and rewinds.
//! - A thread (clone with CLONE_THREAD) is a new instance whose export `thread_start` is called with the word in `tls`
//!   of the clone arguments, on the stack that they name. Lind forks the stack of the parent.
//! - A child of a fork starts when its parent's stack is unwound, which is after a forwarded clone came back.
//! - A copy that touches a page unmapped by munmap after others that are mapped, which can kill Lind, is noted as a
//!   violation for the test to see, and fails.
//! - A copy from or to one address that no memory can have ends the handler with a trap: for tests of what is left then.
//! - wait4 of one pid waits without spinning; signals do not exist; of the host's calls there are only those that
//!   grates and tests need, anything else is ENOSYS.
//! - Modules are `.wasm` files, compiled when they are first executed.

mod cage;
mod copy;
mod fork;
mod host;
mod instance;
mod layout;
mod memory;
mod syscall;

pub use cage::{Outcome, Run, Runtime};
