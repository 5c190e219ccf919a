//! The users of all cases: root and two ordinary users who share a group.

use imfs::inode::Capabilities;

/// A user as `user(..)` names it.
pub struct User {
    /// What failures call it.
    pub name: &'static str,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: &'static [u32],
}

/// A set of capabilities in the status of a process (proc_pid_status(5)), as far as IMFS knows them.
pub fn capabilities(status: &str, name: &str) -> Option<Capabilities> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(line.trim(), 16).ok().map(Capabilities::from_bits_truncate)
}

/// Index of root.
pub const ROOT: usize = 0;
/// Index of alice: 1001, groups 1001, 2000 and 2001.
pub const ALICE: usize = 1;
/// Index of bob: 1002, groups 1002 and 2000.
pub const BOB: usize = 2;

/// All users, by index.
pub const USERS: [User; 3] = [
    User { name: "root", uid: 0, gid: 0, groups: &[] },
    User { name: "alice", uid: 1001, gid: 1001, groups: &[1001, 2000, 2001] },
    User { name: "bob", uid: 1002, gid: 1002, groups: &[1002, 2000] },
];

macro_rules! capabilities {
    ($($(#[$m:meta])* $name:ident = $bit:literal;)*) => { $($(#[$m])* pub const $name: u64 = 1 << $bit;)* };
}

capabilities! {
    /// Change owners.
    CAP_CHOWN = 0;
    /// Pass every permission check of files.
    CAP_DAC_OVERRIDE = 1;
    /// Read every file, search every directory.
    CAP_DAC_READ_SEARCH = 2;
    /// Act as the owner.
    CAP_FOWNER = 3;
    /// Keep set-id bits.
    CAP_FSETID = 4;
    /// Become another group.
    CAP_SETGID = 6;
    /// Become another user.
    CAP_SETUID = 7;
    /// Set the immutable and append-only flags.
    CAP_LINUX_IMMUTABLE = 9;
    /// chroot(2).
    CAP_SYS_CHROOT = 18;
    /// trusted xattrs.
    CAP_SYS_ADMIN = 21;
    /// Device nodes.
    CAP_MKNOD = 27;
}
