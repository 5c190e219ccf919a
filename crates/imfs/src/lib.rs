//! An in-memory POSIX file system.

pub mod abi;
pub mod cage;
pub mod data;
pub mod inode;
mod instance;
pub mod platform;
pub mod sync;
mod walk;

pub use cage::{Cage, Dir, Foreign};
pub use instance::{Builder, Imfs};
