//! The bytes of regular files, and the space that they take.
//!
//! [`Space`] is the page memory and the page budget of one file system instance; [`Contents`] are the bytes of one
//! file: inline while there are few, else pages, of which there are only those that were written, and in a file of the
//! host while they are mapped. Bytes go straight between page and caller through [`Sink`] and [`Source`]. Pages can be
//! shared by files, copy-on-write.
//!
//! This layer must not know inodes, names, permissions, time stamps, resource limits or locks of files: its caller, the
//! inode layer, holds the lock of the file, shared for `&self` and exclusive for `&mut self`.
//!
//! Every operation does what can fail first, and an error leaves nothing changed. The space of a file is given back with
//! [`Contents::release`] when the file goes.

mod arena;
mod buffer;
mod contents;
mod mapped;
mod range;
mod seek;
mod share;
mod space;
#[cfg(test)]
mod tests;
mod tree;

pub use buffer::{Gather, Sink, Source, pieces};
pub use contents::Contents;
pub use mapped::View;
pub use share::Origin;
pub use space::Space;
