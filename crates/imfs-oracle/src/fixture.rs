//! Object kinds, and the tree that most cases start from.

use crate::args::data;
use crate::call::*;
use crate::case::Step;
use crate::seq;
use crate::users::{ALICE, BOB, ROOT, USERS};

/// A kind of object, made at `/w/x` in a directory that everybody may write.
pub struct Kind {
    /// What cases call it.
    pub name: &'static str,
    /// Makes it.
    pub make: fn() -> Vec<Step>,
}

/// All kinds of objects, and the absence of one.
pub const KINDS: &[Kind] = &[
    Kind { name: "absent", make: Vec::new },
    Kind { name: "reg", make: || seq![mknod("/w/x", S_IFREG | 0o644, 0)] },
    Kind { name: "data", make: || seq![creat("/w/x", 0o644), write(3, data(10_000, 1)), close(3)] },
    Kind { name: "dir", make: || seq![mkdir("/w/x", 0o755)] },
    Kind { name: "fulldir", make: || seq![mkdir("/w/x", 0o755), mknod("/w/x/in", S_IFREG | 0o644, 0)] },
    Kind { name: "tofile", make: || seq![mknod("/w/t", S_IFREG | 0o644, 0), symlink("t", "/w/x")] },
    Kind { name: "todir", make: || seq![mkdir("/w/t", 0o755), symlink("/w/t", "/w/x")] },
    Kind { name: "dangling", make: || seq![symlink("nowhere", "/w/x")] },
    Kind { name: "loop", make: || seq![symlink("x", "/w/x")] },
    Kind { name: "fifo", make: || seq![mknod("/w/x", S_IFIFO | 0o644, 0)] },
    Kind { name: "sock", make: || seq![mknod("/w/x", S_IFSOCK | 0o644, 0)] },
    Kind { name: "null", make: || seq![mknod("/w/x", S_IFCHR | 0o644, NULL)] },
    Kind { name: "blk", make: || seq![mknod("/w/x", S_IFBLK | 0o644, NOBODYS)] },
    Kind { name: "linked", make: || seq![mknod("/w/x", S_IFREG | 0o644, 0), link("/w/x", "/w/y")] },
];

/// `st_mode` types, as `u32` everywhere.
pub use libc::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK};

/// /dev/null.
pub const NULL: u64 = dev(1, 3);
/// A device number that no driver has: major 240 is for local use.
pub const NOBODYS: u64 = dev(240, 7);

/// A device number as `mknod` takes it.
pub const fn dev(major: u32, minor: u32) -> u64 {
    libc::makedev(major, minor)
}

/// An empty world-writable `/w`.
pub fn world() -> Vec<Step> {
    seq![mkdir("/w", 0o777), chmod("/w", 0o777)]
}

/// The kind at `/w/x`.
pub fn with(kind: &Kind) -> Vec<Step> {
    chain([world(), (kind.make)()])
}

/// The three users with their names.
pub fn users() -> impl Iterator<Item = (usize, &'static str)> {
    [ROOT, ALICE, BOB].into_iter().map(|u| (u, USERS[u].name))
}

/// The user's steps: root needs no change.
pub fn as_user(who: usize, steps: Vec<Step>) -> Vec<Step> {
    if who == ROOT {
        return steps;
    }
    let mut all = seq![user(who)];
    all.extend(steps);
    all
}

/// Lists one after the other.
pub fn chain<const N: usize>(parts: [Vec<Step>; N]) -> Vec<Step> {
    parts.into_iter().flatten().collect()
}
