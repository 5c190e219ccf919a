//! The argument of openat2(2).

use super::{Mode, OFlags, ResolveFlags};

/// `struct open_how`, raw: openat2(2) itself checks the values, and refuses what open(2) would ignore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenHow {
    /// The bits of [`OFlags`].
    pub flags: u64,
    /// The bits of [`Mode`].
    pub mode: u64,
    /// The bits of [`ResolveFlags`].
    pub resolve: u64,
}

impl OpenHow {
    /// The size of the structure's first version (`OPEN_HOW_SIZE_VER0`).
    pub const BYTES: usize = 24;

    /// Of typed flags.
    pub fn new(flags: OFlags, mode: Mode, resolve: ResolveFlags) -> OpenHow {
        OpenHow { flags: flags.bits().into(), mode: mode.bits().into(), resolve: resolve.bits() }
    }
}
