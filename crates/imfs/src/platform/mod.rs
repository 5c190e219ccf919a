//! What the core needs of its host, and the only place that knows the host: memory barriers that are cheap on one
//! side, clocks, randomness, pages of memory, the end of threads.
//!
//! Every other module is plain code over these few functions, so the core builds for Linux and for a WebAssembly
//! guest alike. This module must not know anything of files.

pub(crate) mod barrier;
pub mod clock;
pub mod entropy;
pub mod ledger;
pub(crate) mod mapping;
pub(crate) mod memfd;
pub(crate) mod pages;
pub(crate) mod prefetch;
pub(crate) mod stopwatch;
pub(crate) mod thread;
