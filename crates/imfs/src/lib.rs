//! An in-memory POSIX file system.

pub mod abi;
pub mod data;
pub mod inode;
pub mod platform;
pub mod sync;
