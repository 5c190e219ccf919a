//! The record lock of fcntl(2).

use super::Whence;
use super::flags::fcntl::{F_RDLCK, F_UNLCK, F_WRLCK};

/// The kind of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum LockKind {
    /// Shared with other readers (`F_RDLCK`).
    Read = F_RDLCK,
    /// Exclusive (`F_WRLCK`).
    Write = F_WRLCK,
    /// None (`F_UNLCK`).
    Unlock = F_UNLCK,
}

impl LockKind {
    /// The kind of an `l_type`; `None` where the kernel says `EINVAL`.
    pub const fn from_raw(raw: i16) -> Option<LockKind> {
        Some(match raw {
            F_RDLCK => LockKind::Read,
            F_WRLCK => LockKind::Write,
            F_UNLCK => LockKind::Unlock,
            _ => return None,
        })
    }
}

/// `struct flock`. The raw values stay, since the kernel checks them late and in a certain order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flock {
    /// `l_type`: `F_RDLCK`, `F_WRLCK` or `F_UNLCK`.
    pub kind: i16,
    /// `l_whence`: what `start` counts from.
    pub whence: i16,
    /// `l_start`.
    pub start: i64,
    /// `l_len`: 0 means up to the end of the file however far it grows, negative means before `start`.
    pub len: i64,
    /// `l_pid`: the owner, in the answer of `F_GETLK`.
    pub pid: i32,
}

impl Flock {
    /// A lock on `len` bytes at `start` of the file.
    pub const fn new(kind: LockKind, start: i64, len: i64) -> Flock {
        Flock { kind: kind as i16, whence: Whence::Set as i16, start, len, pid: 0 }
    }
}
