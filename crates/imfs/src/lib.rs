//! An in-memory POSIX file system for people who run code in sandboxes.
//!
//! An [`Imfs`] is one file system instance. A [`Cage`] is one sandboxed process as the file system sees it: a descriptor
//! table, a working and a root directory, a umask and credentials. Each file system call of Linux is a method of the
//! cage, named as its man page, with the kernel's results and errors:
//!
//! ```
//! use imfs::abi::{Errno, Mode, OFlags};
//! use imfs::inode::Credentials;
//!
//! # fn main() -> Result<(), Errno> {
//! let fs = imfs::Imfs::builder().size(64 << 20).build()?;
//! let cage = fs.create_cage(1, Credentials::root())?;
//! let fd = cage.open("/hello", OFlags::CREAT | OFlags::RDWR, Mode::from_bits_retain(0o644))?;
//! cage.write(fd, b"in memory")?;
//! assert_eq!(cage.fstat(fd)?.size, 9);
//! assert_eq!(cage.open("/absent", OFlags::RDONLY, Mode::empty()), Err(Errno::ENOENT));
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//! Each knows only those below it:
//!
//! - [`cage`]: descriptors, open file descriptions, processes; one method a system call.
//! - `walk`: path resolution.
//! - [`inode`]: the objects, and the rules for each: permissions, links, times, attributes, locks. Doors that work by
//!   inode, as FUSE does, enter here.
//! - [`data`]: the bytes of regular files, and the space they take.
//! - [`sync`]: locks that know their order, memory reclamation, waiting.
//! - [`platform`]: the only place that knows the host.
//! - [`abi`]: Linux's numbers and structures.
//!
//! # Lock order
//! A thread takes locks only downwards in this tree; debug builds panic where one does not. Two locks on one line are taken
//! one after the other in the order that the line gives.
//!
//! ```text
//! Imfs.cages
//! Superblock.rename                     renames between two directories
//!   Directory.state                     the upper directory first; then a directory that is removed or replaced
//!     Table.used, Cage.change           descriptor numbers; credentials and places
//!       Cage.mappings                   over the host's mmap(2)
//!         Description.offset
//!           Regular.contents            two files: by address
//!             Pipe
//!               Extras.xattrs, locks    extended attributes, access lists; record locks
//!                 LockTable             the graph of waits for record locks
//!                   WaitQueue, Interrupts
//!                     Space.reclaim     the page budget, near its limit
//!                       free pages, counts of inodes
//! ```
//!
//! Beside the tree stand sequence locks (`Attributes`, `Directory.moves`): they protect a few stores, and nothing that
//! blocks, fails or takes a lock may happen inside. Readers of the tree (stat, open of what exists, access, readlink,
//! readdir) take none of these locks: they pin an [epoch](sync::epoch). A reader of a file's bytes shares its `contents`.

pub mod abi;
pub mod cage;
pub mod data;
pub mod inode;
mod instance;
#[cfg(all(test, imfs_model))]
mod models;
pub mod platform;
#[cfg(all(test, not(any(imfs_model, miri))))]
mod sharing;
pub mod sync;
mod walk;

pub use cage::{Cage, Dir, Foreign};
pub use instance::{Builder, Imfs};
