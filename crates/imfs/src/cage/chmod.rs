//! chmod(2), fchmod(2), fchmodat(2), chown(2), lchown(2), fchown(2), fchownat(2).

use super::Cage;
use crate::abi::{AT_FDCWD, AtFlags, Errno, Mode, Result};
use crate::sync::epoch;

impl Cage {
    /// Changes the permission bits.
    ///
    /// # Errors
    /// EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR; EPERM: not the owner.
    pub fn chmod(&self, path: impl AsRef<[u8]>, mode: Mode) -> Result<()> {
        self.fchmodat(AT_FDCWD, path, mode, AtFlags::empty())
    }

    /// The same by a descriptor.
    ///
    /// # Errors
    /// EBADF, EPERM
    pub fn fchmod(&self, fd: i32, mode: Mode) -> Result<()> {
        let guard = epoch::pin();
        self.table.get(fd, &guard)?.opened(&guard)?.chmod(Mode::from_raw(mode.bits()), self.cred(&guard)?)
    }

    /// The same relative to a directory; `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH` (fchmodat2).
    ///
    /// # Errors
    /// As [`chmod`](Self::chmod); EBADF; EINVAL: unknown flags; EOPNOTSUPP: a symbolic link has no mode.
    pub fn fchmodat(&self, dirfd: i32, path: impl AsRef<[u8]>, mode: Mode, flags: AtFlags) -> Result<()> {
        if !(flags - (AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)).is_empty() {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
        let empty = flags.contains(AtFlags::EMPTY_PATH);
        let inode = self.find_at(dirfd, path.as_ref(), follow, empty, &guard)?;
        inode.chmod(Mode::from_raw(mode.bits()), self.cred(&guard)?)
    }

    /// Changes owner and group; `u32::MAX` leaves one as it is.
    ///
    /// # Errors
    /// EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR; EPERM: not the owner, or not to this owner or group.
    pub fn chown(&self, path: impl AsRef<[u8]>, uid: u32, gid: u32) -> Result<()> {
        self.fchownat(AT_FDCWD, path, uid, gid, AtFlags::empty())
    }

    /// The same of a symbolic link itself.
    ///
    /// # Errors
    /// As [`chown`](Self::chown)
    pub fn lchown(&self, path: impl AsRef<[u8]>, uid: u32, gid: u32) -> Result<()> {
        self.fchownat(AT_FDCWD, path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The same by a descriptor.
    ///
    /// # Errors
    /// EBADF, EPERM
    pub fn fchown(&self, fd: i32, uid: u32, gid: u32) -> Result<()> {
        let guard = epoch::pin();
        self.table.get(fd, &guard)?.opened(&guard)?.chown(uid, gid, self.cred(&guard)?)
    }

    /// The same relative to a directory; `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`.
    ///
    /// # Errors
    /// As [`chown`](Self::chown); EBADF; EINVAL: unknown flags.
    pub fn fchownat(
        &self,
        dirfd: i32,
        path: impl AsRef<[u8]>,
        uid: u32,
        gid: u32,
        flags: AtFlags,
    ) -> Result<()> {
        if !(flags - (AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)).is_empty() {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
        let empty = flags.contains(AtFlags::EMPTY_PATH);
        self.find_at(dirfd, path.as_ref(), follow, empty, &guard)?.chown(uid, gid, self.cred(&guard)?)
    }
}
