//! Threads that get in each other's way: on the same names, directories, files and descriptors. Each test states what
//! must hold at every moment, and at the end the whole tree is checked.
//!
//! `IMFS_STRESS=n` says how long: 3 is a second or two, 100 a minute or so.

mod crew;
mod descriptors;
mod directories;
mod files;
mod names;
mod tree;
