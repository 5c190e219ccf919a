//! Who asks: the identities and rights that permission checks look at (credentials(7), capabilities(7)).
//!
//! How a process changes them is the cage layer's business.

use bitflags::bitflags;

use crate::abi::{Errno, MAX_FILE_SIZE, Result};

bitflags! {
    /// The capabilities that matter to files, by their numbers in capability.h.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
    pub struct Capabilities: u64 {
        /// Change owners of files.
        const CHOWN = 1 << 0;
        /// Pass all permission checks (but not to execute what nobody may execute).
        const DAC_OVERRIDE = 1 << 1;
        /// Read all files, search and read all directories.
        const DAC_READ_SEARCH = 1 << 2;
        /// Act as the owner of every file.
        const FOWNER = 1 << 3;
        /// Keep set-id bits, set set-group-id for a foreign group.
        const FSETID = 1 << 4;
        /// Take another group identity.
        const SETGID = 1 << 6;
        /// Take another user identity.
        const SETUID = 1 << 7;
        /// Set the immutable and append-only attributes.
        const LINUX_IMMUTABLE = 1 << 9;
        /// Ask for blocks of a device (FIBMAP).
        const SYS_RAWIO = 1 << 17;
        /// chroot(2).
        const SYS_CHROOT = 1 << 18;
        /// Trusted and security extended attributes.
        const SYS_ADMIN = 1 << 21;
        /// Exceed limits such as the size of a pipe.
        const SYS_RESOURCE = 1 << 24;
        /// Make device nodes.
        const MKNOD = 1 << 27;
        /// Set file capabilities.
        const SETFCAP = 1 << 31;
    }
}

/// The identities and rights of a cage: immutable; a change makes new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Saved user id.
    pub suid: u32,
    /// File-system user id: the one that permission checks use.
    pub fsuid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Saved group id.
    pub sgid: u32,
    /// File-system group id.
    pub fsgid: u32,
    /// Supplementary groups, in any order.
    pub groups: Vec<u32>,
    /// Capabilities that could be made effective.
    pub permitted: Capabilities,
    /// Capabilities in force.
    pub effective: Capabilities,
    /// The capabilities that root has after execve(2) (the bounding set of capabilities(7)): all of them, unless whoever
    /// makes the cage knows better.
    pub bounding: Capabilities,
    /// The size up to which writing and truncating may make files grow (RLIMIT_FSIZE of getrlimit(2)): `u64::MAX` is no
    /// limit. Not an identity, but every check that needs it asks who writes.
    pub fsize: u64,
}

/// A copy of a list of groups.
///
/// # Errors
/// ENOMEM
pub(crate) fn try_groups(groups: &[u32]) -> Result<Vec<u32>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(groups.len()).map_err(|_| Errno::ENOMEM)?;
    copy.extend_from_slice(groups);
    Ok(copy)
}

impl Credentials {
    /// A user with one group: user 0 has all capabilities, others none.
    pub fn new(uid: u32, gid: u32) -> Self {
        let caps = if uid == 0 { Capabilities::all() } else { Capabilities::empty() };
        Self {
            uid,
            euid: uid,
            suid: uid,
            fsuid: uid,
            gid,
            egid: gid,
            sgid: gid,
            fsgid: gid,
            groups: Vec::new(),
            permitted: caps,
            effective: caps,
            bounding: Capabilities::all(),
            fsize: u64::MAX,
        }
    }

    /// The superuser.
    pub fn root() -> Self {
        Self::new(0, 0)
    }

    /// The same with these supplementary groups.
    pub fn with_groups(mut self, groups: &[u32]) -> Self {
        self.groups = groups.to_vec();
        self
    }

    /// A copy, as the host has memory for it.
    ///
    /// # Errors
    /// ENOMEM
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(Self { groups: try_groups(&self.groups)?, ..*self })
    }

    /// Whether the capability is in force.
    #[inline]
    pub fn capable(&self, capability: Capabilities) -> bool {
        self.effective.contains(capability)
    }

    /// Whether the limits of pipes do not bind (`pipe_is_unprivileged_user`).
    pub(crate) fn above_pipe_limits(&self) -> bool {
        self.effective.intersects(Capabilities::SYS_RESOURCE | Capabilities::SYS_ADMIN)
    }

    /// `generic_write_check_limits`: how many of `len` bytes may be written from `offset` on.
    ///
    /// # Errors
    /// EFBIG: none, for the largest size or the caller's limit are reached. (The door raises SIGXFSZ.)
    #[inline]
    pub fn may_write(&self, offset: u64, len: u64) -> Result<u64> {
        match self.fsize.min(MAX_FILE_SIZE).checked_sub(offset) {
            None | Some(0) => Err(Errno::EFBIG),
            Some(room) => Ok(len.min(room)),
        }
    }

    /// `inode_newsize_ok`: whether a file of this size may get another.
    ///
    /// # Errors
    /// EFBIG: it would grow beyond the largest size or the caller's limit. (The door raises SIGXFSZ.)
    #[inline]
    pub fn may_resize(&self, old: u64, new: u64) -> Result<()> {
        if new > old && new > self.fsize.min(MAX_FILE_SIZE) { Err(Errno::EFBIG) } else { Ok(()) }
    }

    /// Whether the file-system group or a supplementary group is `gid` (`in_group_p`).
    #[inline]
    pub fn in_group(&self, gid: u32) -> bool {
        self.fsgid == gid || self.groups.contains(&gid)
    }
}
