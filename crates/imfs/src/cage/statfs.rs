//! statfs(2), fstatfs(2), sync(2), syncfs(2), fsync(2), fdatasync(2).

use super::Cage;
use crate::abi::{Errno, NAME_MAX, PAGE_SIZE, PIPEFS_MAGIC, Result, ST_VALID, Statfs, TMPFS_MAGIC};
use crate::inode::{Object, PIPE_DEV};
use crate::sync::epoch;

impl Cage {
    /// What there is of space and inodes in the file system of `path`. It presents itself as a tmpfs.
    ///
    /// # Errors
    /// EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
    pub fn statfs(&self, path: impl AsRef<[u8]>) -> Result<Statfs> {
        let guard = epoch::pin();
        self.walk(&guard)?.find(path.as_ref(), true)?;
        Ok(self.tree.statfs())
    }

    /// The same by a descriptor.
    ///
    /// # Errors
    /// EBADF
    pub fn fstatfs(&self, fd: i32) -> Result<Statfs> {
        let guard = epoch::pin();
        let inode = self.table.get(fd, &guard)?.inode(&guard)?;
        if inode.dev() == PIPE_DEV {
            let (kind, bsize, namelen) = (PIPEFS_MAGIC, PAGE_SIZE as i64, NAME_MAX as i64);
            return Ok(Statfs { kind, bsize, namelen, frsize: bsize, flags: ST_VALID, ..Statfs::default() });
        }
        Ok(self.tree.statfs())
    }

    /// Nothing is ever behind: sync(2) has nothing to do.
    pub fn sync(&self) {}

    /// syncfs(2): nothing to do.
    ///
    /// # Errors
    /// EBADF
    pub fn syncfs(&self, fd: i32) -> Result<()> {
        self.opened(fd)
    }

    /// fsync(2): nothing to do.
    ///
    /// # Errors
    /// EBADF; EINVAL: a pipe, FIFO or device, which has no such thing.
    pub fn fsync(&self, fd: i32) -> Result<()> {
        let guard = epoch::pin();
        match self.table.get(fd, &guard)?.opened(&guard)?.object {
            Object::Regular(_) | Object::Directory(_) => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// fdatasync(2): nothing to do.
    ///
    /// # Errors
    /// As [`fsync`](Self::fsync)
    pub fn fdatasync(&self, fd: i32) -> Result<()> {
        self.fsync(fd)
    }

    fn opened(&self, fd: i32) -> Result<()> {
        let guard = epoch::pin();
        self.table.get(fd, &guard)?.opened(&guard).map(drop)
    }
}

impl crate::instance::Tree {
    /// What statfs(2) shows.
    pub(crate) fn statfs(&self) -> Statfs {
        // Without a limit a tmpfs shows zeros.
        let total = self.sb.space.total().unwrap_or(0);
        let free = self.sb.space.total().map_or(0, |_| self.sb.space.free());
        let (files, ffree) = self.sb.inodes();
        Statfs {
            kind: TMPFS_MAGIC,
            bsize: PAGE_SIZE as i64,
            blocks: total,
            bfree: free,
            bavail: free,
            files,
            ffree,
            namelen: NAME_MAX as i64,
            frsize: PAGE_SIZE as i64,
            flags: ST_VALID | self.sb.atime.mount_flags(),
            ..Statfs::default()
        }
    }
}
