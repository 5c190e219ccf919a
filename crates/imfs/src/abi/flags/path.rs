//! Flags of the calls that take a path.

use bitflags::bitflags;

/// The `dirfd` that stands for the current directory.
pub const AT_FDCWD: i32 = -100;

bitflags! {
    /// The `flags` of the `*at` calls.
    ///
    /// `REMOVEDIR` and `EACCESS` share a bit, as in the kernel: the call decides which one it is.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct AtFlags: u32 {
        /// Do not follow a symbolic link in the last component.
        const SYMLINK_NOFOLLOW = 0x100;
        /// unlinkat(2): remove a directory.
        const REMOVEDIR = 0x200;
        /// faccessat(2): check with the effective ids.
        const EACCESS = 0x200;
        /// Follow a symbolic link in the last component (linkat(2)).
        const SYMLINK_FOLLOW = 0x400;
        /// Mount nothing on the way.
        const NO_AUTOMOUNT = 0x800;
        /// An empty path means `dirfd` itself.
        const EMPTY_PATH = 0x1000;
        /// statx(2): do what stat(2) does, no bit at all.
        const STATX_SYNC_AS_STAT = 0;
        /// statx(2): get the attributes afresh from a server.
        const STATX_FORCE_SYNC = 0x2000;
        /// statx(2): be content with what is cached.
        const STATX_DONT_SYNC = 0x4000;
        /// The bits that hold the synchronisation of statx(2).
        const STATX_SYNC_TYPE = 0x6000;
        /// Apply to the whole subtree.
        const RECURSIVE = 0x8000;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `flags` of renameat2(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RenameFlags: u32 {
        /// Fail if the new name exists.
        const NOREPLACE = 1;
        /// Swap both names.
        const EXCHANGE = 2;
        /// Leave a whiteout at the old name.
        const WHITEOUT = 4;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `flags` of setxattr(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct XattrFlags: u32 {
        /// Fail if the attribute exists.
        const CREATE = 1;
        /// Fail if the attribute does not exist.
        const REPLACE = 2;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `mode` of access(2), and the rights that a permission check asks for (`MAY_READ`, `MAY_WRITE`,
    /// `MAY_EXEC`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Access: u32 {
        /// Does it exist (`F_OK`): no bit at all.
        const EXISTS = 0;
        /// Execute, or search in a directory (`X_OK`).
        const EXEC = 1;
        /// Write (`W_OK`).
        const WRITE = 2;
        /// Read (`R_OK`).
        const READ = 4;
        /// Keep the bits without a name.
        const _ = !0;
    }
}
