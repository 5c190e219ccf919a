//! Linux x86-64 constants and types, the same on every target.
//!
//! Responsible for numbers, names, and byte layouts of what crosses the system call border; holds no rule of a file
//! system and depends on nothing. Every other module and all doors use it.
//!
//! Flag types keep the bits that they do not know: build them with `from_bits_retain`, and let the call that takes
//! them decide which unknown bits are `EINVAL`.

mod clone;
mod dev;
mod dirent;
mod errno;
pub mod flags;
mod flock;
mod fsxattr;
pub mod limits;
mod mode;
mod open_how;
mod owner;
mod poll;
mod stat;
mod statfs;
mod statx;
mod time;

pub use clone::FileCloneRange;
pub use dev::Dev;
pub use dirent::{Dirent, DirentWriter, Dirents, dirent_len};
pub use errno::{Errno, Result};
pub use flags::*;
pub use flock::{Flock, LockKind};
pub use fsxattr::FsXattr;
pub use limits::*;
pub use mode::{FileType, Mode};
pub use open_how::OpenHow;
pub use owner::FOwnerEx;
pub use poll::{FdSet, PollFd};
pub use stat::Stat;
pub use statfs::Statfs;
pub use statx::{Statx, StatxAttr, StatxMask};
pub use time::{SetTime, Timespec, UTIME_NOW, UTIME_OMIT};

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod host_tests;
