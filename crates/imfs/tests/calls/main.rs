//! The calls of a cage, grouped by man page: results, errors, and what can be seen afterwards.

mod fixture;

mod copy_file_range;
mod fallocate;
mod fcntl;
mod flock;
mod ioctl_iflags;
#[cfg(target_os = "linux")]
mod mmap;
mod pathconf;
mod paths;
mod posix_fadvise;
mod protections;
mod xattr;
