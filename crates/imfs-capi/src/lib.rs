//! The C library: `imfs.h`, `libimfs.a` and `libimfs.so`.
//!
//! A door: it translates. Each function is a system call or a call of the C library with a cage id in front, has the
//! parameters and the result of its man page in the host's types, and fails with -1 (or NULL) and `errno`. What
//! a call means is the core's to know; what stands here is how C's arguments are read, which cage an id names, and how calls
//! are traced.
//!
//! The functions are in one file a family, as in the core, each written out so that cbindgen can read it: the header
//! `include/imfs.h` is made of them, and `tests/header.rs` says whether it still is. The machinery is in `boundary`
//! (from C and back), `arguments` (what C's arguments are), `cages` (ids) and `trace`.
//!
//! # Safety
//! All functions trust their pointers as the system calls' wrappers in the C library do: what is not NULL and is aligned is read or
//! written as the man page says. NULL and misaligned pointers give EFAULT.
#![allow(clippy::missing_safety_doc, reason = "one contract for all: see the crate's documentation")]

#[macro_use]
mod boundary;

mod arguments;
mod cages;
mod memory;
mod trace;

mod access;
mod chdir;
mod chmod;
mod copy_file_range;
mod credentials;
mod dirent;
mod dup;
mod fallocate;
mod fcntl;
mod instance;
mod ioctl;
mod link;
mod mkdir;
mod mmap;
mod open;
mod pathconf;
mod pipe;
mod poll;
mod process;
mod read;
mod readlink;
mod rename;
mod sendfile;
mod staging;
mod stat;
mod statfs;
mod truncate;
mod unlink;
mod utimensat;
mod write;
mod xattr;

pub use self::access::*;
pub use self::chdir::*;
pub use self::chmod::*;
pub use self::copy_file_range::*;
pub use self::credentials::*;
pub use self::dirent::*;
pub use self::dup::*;
pub use self::fallocate::*;
pub use self::fcntl::*;
pub use self::instance::*;
pub use self::ioctl::*;
pub use self::link::*;
pub use self::mkdir::*;
pub use self::mmap::*;
pub use self::open::*;
pub use self::pathconf::*;
pub use self::pipe::*;
pub use self::poll::*;
pub use self::process::*;
pub use self::read::*;
pub use self::readlink::*;
pub use self::rename::*;
pub use self::sendfile::*;
pub use self::staging::*;
pub use self::stat::*;
pub use self::statfs::*;
pub use self::truncate::*;
pub use self::unlink::*;
pub use self::utimensat::*;
pub use self::write::*;
pub use self::xattr::*;
