//! fallocate(2), posix_fallocate(3).

use super::Cage;
use crate::abi::{Errno, FallocFlags, Result};
use crate::inode::Inode;
use crate::sync::epoch;

impl Cage {
    /// Makes room, holes or zeros in a range of a file, or takes the range out or puts one in; see `FallocFlags`.
    ///
    /// # Errors
    /// EBADF: not open for writing. EINVAL: a negative offset, a length that is not positive, or a range that the
    /// mode does not take. EOPNOTSUPP: a mode, or combination, that there is not. ENODEV, ESPIPE: not a regular file.
    /// EPERM: immutable, or append-only. EFBIG, ENOSPC, ENOMEM
    pub fn fallocate(&self, fd: i32, mode: FallocFlags, offset: i64, len: i64) -> Result<()> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.opened(&guard)?;
        // These two come before the open mode (`vfs_fallocate`).
        Inode::check_fallocate(mode, offset, len)?;
        if !description.flags().writable() {
            return Err(Errno::EBADF);
        }
        inode.fallocate(mode, offset, len, self.cred(&guard)?)
    }

    /// Makes sure that there is room for a range of the file, which grows to hold it: posix_fallocate(3).
    ///
    /// # Errors
    /// As [`fallocate`](Self::fallocate)
    pub fn posix_fallocate(&self, fd: i32, offset: i64, len: i64) -> Result<()> {
        self.fallocate(fd, FallocFlags::empty(), offset, len)
    }
}
