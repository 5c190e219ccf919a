//! The FUSE door: an IMFS instance as a file system that a Linux kernel mounts.
//!
//! The kernel resolves paths, keeps descriptors, caches and checks permissions; here its requests, which name inodes,
//! become operations of the inode layer. The door translates and holds no rule of the file system.
//!
//! ```text
//! session     a mount and its threads, from mount to unmount
//!   mount     mount(2), umount(2), fusermount3
//!   tuning    the kernel's limits for a mount's cache
//!   operations   one method a request (fuser::Filesystem)
//!     door       what they share: the instance, capabilities of the kernel, cache lifetimes
//!       nodes      inode number -> inode, as long as the kernel remembers it
//!       writeback  getting changed pages out of the kernel
//!       caller     who asks
//!       convert    errno, times, types
//! ```
//!
//! `docs/fuse.md` says what a mount costs compared with calls in process, and what FUSE cannot carry.

#![forbid(unsafe_code)]

mod caller;
mod convert;
mod door;
mod error;
mod mount;
mod nodes;
mod operations;
mod options;
mod session;
mod tuning;
mod writeback;

pub use crate::error::Error;
pub use crate::mount::{Unmounted, device};
pub use crate::options::Options;
pub use crate::session::Session;
