//! The objects of a file system, and the rules that hold for each of them.

pub mod acl;
pub mod device;
pub mod locks;
pub mod pipe;
pub mod xattr;

#[cfg(all(test, target_os = "linux"))]
mod scratch_tmpfs;
