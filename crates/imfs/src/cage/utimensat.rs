//! utimensat(2), futimens(3).

use super::Cage;
use crate::abi::{AtFlags, Errno, Result, SetTime};
use crate::sync::epoch;

impl Cage {
    /// Sets the times of access and modification of a file. `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`.
    ///
    /// # Errors
    /// EACCES, EBADF, EINVAL (flags), ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM
    pub fn utimensat(
        &self,
        dirfd: i32,
        path: impl AsRef<[u8]>,
        atime: SetTime,
        mtime: SetTime,
        flags: AtFlags,
    ) -> Result<()> {
        // Nothing to do succeeds, whatever the path (utimensat(2), NOTES) and the flags.
        if (atime, mtime) == (SetTime::Omit, SetTime::Omit) {
            return Ok(());
        }
        if !(flags - (AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)).is_empty() {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
        let empty = flags.contains(AtFlags::EMPTY_PATH);
        let inode = self.find_at(dirfd, path.as_ref(), follow, empty, &guard)?;
        inode.set_times(atime, mtime, self.cred(&guard)?)
    }

    /// The same by a descriptor.
    ///
    /// # Errors
    /// EACCES, EBADF, EPERM
    pub fn futimens(&self, fd: i32, atime: SetTime, mtime: SetTime) -> Result<()> {
        if (atime, mtime) == (SetTime::Omit, SetTime::Omit) {
            return Ok(());
        }
        let guard = epoch::pin();
        self.table.get(fd, &guard)?.opened(&guard)?.set_times(atime, mtime, self.cred(&guard)?)
    }
}
