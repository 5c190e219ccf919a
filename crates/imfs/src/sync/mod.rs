//! How threads share the file system: locks that know their order, memory that is reclaimed when nobody can still be
//! reading it, and queues of waiting callers.
//!
//! This module knows nothing of files. Everything above it is safe code: what is subtle about sharing is here.

pub(crate) mod alloc;
mod bag;
pub mod biased;
pub mod epoch;
pub(crate) mod generation;
pub mod lock;
mod pool;
pub(crate) mod primitives;
pub(crate) mod quota;
mod reclaim;
pub mod refcount;
pub mod seq;
pub(crate) mod tally;
pub mod wait;
