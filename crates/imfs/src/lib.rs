//! An in-memory POSIX file system.

pub mod abi;
pub mod inode;
