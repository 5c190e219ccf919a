//! The kernel as oracle.
//!
//! A [`case::Case`] is a list of system calls as data. [`kernel::Kernel`] makes them for real on a tmpfs of its own,
//! [`cage::Cages`] makes them through IMFS, and [`compare`] demands that every outcome and everything that can be seen
//! afterwards be the same: names, types, modes, owners, link counts, sizes, blocks, contents, xattrs, descriptors, and
//! which time stamps moved. `tests/oracle` holds the tables, one file a call; `random` makes sequences and shrinks
//! those that differ.
//!
//! Needs root: it mounts, and it changes users.

pub mod args;
pub mod cage;
pub mod call;
pub mod case;
pub mod compare;
pub mod fixture;
pub mod kernel;
mod maps;
pub mod outcome;
pub mod paths;
pub mod prelude;
pub mod random;
mod touch;
pub mod users;
