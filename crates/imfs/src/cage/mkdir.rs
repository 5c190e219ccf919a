//! mkdir(2), mkdirat(2), mknod(2), mknodat(2), mkfifo(3), symlink(2), symlinkat(2), and bind(2) of a UNIX socket.

use super::Cage;
use crate::abi::{AT_FDCWD, Dev, Errno, FileType, Mode, PATH_MAX, Result};
use crate::inode::{Inode, NewInode};
use crate::sync::epoch;
use crate::walk::Last;

impl Cage {
    /// Makes a directory.
    ///
    /// # Errors
    /// EACCES, EEXIST, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, ENOTDIR
    pub fn mkdir(&self, path: impl AsRef<[u8]>, mode: Mode) -> Result<()> {
        self.mkdirat(AT_FDCWD, path, mode)
    }

    /// The same relative to a directory.
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir); EBADF
    pub fn mkdirat(&self, dirfd: i32, path: impl AsRef<[u8]>, mode: Mode) -> Result<()> {
        // vfs_mkdir lets only these through.
        let mode = mode & (Mode::RWXUGO | Mode::SVTX);
        self.make(dirfd, path.as_ref(), &NewInode::directory(mode, self.mask()))
    }

    /// Makes a file of any type but directory and symbolic link. A `mode` without a type makes a regular file.
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir); EPERM: a device without CAP_MKNOD, or a directory; EINVAL: another type.
    pub fn mknod(&self, path: impl AsRef<[u8]>, mode: u32, dev: Dev) -> Result<()> {
        self.mknodat(AT_FDCWD, path, mode, dev)
    }

    /// The same relative to a directory.
    ///
    /// # Errors
    /// As [`mknod`](Self::mknod); EBADF
    pub fn mknodat(&self, dirfd: i32, path: impl AsRef<[u8]>, mode: u32, dev: Dev) -> Result<()> {
        let kind = match FileType::from_mode(mode) {
            None if mode & FileType::MASK == 0 => FileType::Regular,
            Some(FileType::Directory) => return Err(Errno::EPERM),
            None | Some(FileType::Symlink) => return Err(Errno::EINVAL),
            Some(kind) => kind,
        };
        let dev = if kind.is_device() { dev } else { Dev::default() };
        self.make(dirfd, path.as_ref(), &NewInode::node(kind, Mode::from_raw(mode), self.mask(), dev))
    }

    /// Makes a FIFO: mkfifo(3).
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir)
    pub fn mkfifo(&self, path: impl AsRef<[u8]>, mode: Mode) -> Result<()> {
        self.mknod(path, FileType::Fifo.with(mode), Dev::default())
    }

    /// Makes a symbolic link to `target`.
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir); ENOENT: `target` is empty.
    pub fn symlink(&self, target: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Result<()> {
        self.symlinkat(target, AT_FDCWD, path)
    }

    /// The same relative to a directory.
    ///
    /// # Errors
    /// As [`symlink`](Self::symlink); EBADF
    pub fn symlinkat(&self, target: impl AsRef<[u8]>, dirfd: i32, path: impl AsRef<[u8]>) -> Result<()> {
        let target = target.as_ref();
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.make(dirfd, path.as_ref(), &NewInode::symlink(target))
    }

    /// Gives a UNIX socket its name, as bind(2) does: an inode of type socket.
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir); EADDRINUSE in the place of EEXIST.
    pub fn bind(&self, path: impl AsRef<[u8]>) -> Result<()> {
        // The umask holds here even where a default access list stands in its place (`unix_bind`).
        let mode = Mode::RWXUGO.masked(self.mask());
        let new = NewInode::node(FileType::Socket, mode, self.mask(), Dev::default());
        match self.make(AT_FDCWD, path.as_ref(), &new) {
            Err(Errno::EEXIST) => Err(Errno::EADDRINUSE),
            made => made,
        }
    }

    /// Makes a name (`filename_create`).
    fn make(&self, dirfd: i32, path: &[u8], new: &NewInode<'_>) -> Result<()> {
        let guard = epoch::pin();
        let walk = self.walk_at(dirfd, path, &guard)?;
        let at = walk.parent(path)?;
        let Last::Name(name) = at.last else { return Err(Errno::EEXIST) };
        if at.slash && new.kind != FileType::Directory {
            // Only a directory may be made at a path that ends in a slash.
            return Err(if walk.resolve_last(&at).is_ok() { Errno::EEXIST } else { Errno::ENOENT });
        }
        Inode::make(at.dir, name, new, walk.cred, &guard)
    }
}
