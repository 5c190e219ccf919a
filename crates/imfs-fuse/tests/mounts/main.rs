//! A kernel mounts an instance, and programs use it: through system calls of this process and through commands. What a
//! tmpfs does is what is right, wherever FUSE can carry it.

mod attributes;
mod concurrency;
mod data;
mod fixture;
mod names;
mod sessions;
