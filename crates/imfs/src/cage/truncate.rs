//! truncate(2), ftruncate(2).

use super::Cage;
use crate::abi::{Access, Errno, FileType, Result};
use crate::inode::{Object, permission};
use crate::sync::epoch;

impl Cage {
    /// Sets the size of a file.
    ///
    /// # Errors
    /// EACCES, EFBIG, EINVAL (a negative size; not a regular file), EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR,
    /// EPERM (immutable, append-only)
    pub fn truncate(&self, path: impl AsRef<[u8]>, size: i64) -> Result<()> {
        let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
        let guard = epoch::pin();
        let walk = self.walk(&guard)?;
        let inode = walk.find(path.as_ref(), true)?;
        match inode.file_type() {
            FileType::Directory => return Err(Errno::EISDIR),
            FileType::Regular => {}
            _ => return Err(Errno::EINVAL),
        }
        permission(inode.get(), walk.cred, Access::WRITE)?;
        if inode.append_only() {
            return Err(Errno::EPERM);
        }
        inode.truncate(size, walk.cred)
    }

    /// Sets the size of an open file.
    ///
    /// # Errors
    /// EBADF, EFBIG, EINVAL (a negative size; not open for writing; not a regular file), EPERM
    /// (append-only)
    pub fn ftruncate(&self, fd: i32, size: i64) -> Result<()> {
        let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.opened(&guard)?;
        if !matches!(inode.object, Object::Regular(_)) || !description.flags().writable() {
            return Err(Errno::EINVAL);
        }
        if inode.append_only() {
            return Err(Errno::EPERM);
        }
        inode.set_size(size, self.cred(&guard)?)
    }
}
