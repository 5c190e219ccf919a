//! getxattr(2), setxattr(2), listxattr(2), removexattr(2), the forms of each with l, f and at, and what they share.
//!
//! Arguments that have nothing to do with the file are checked before it is looked up, as in fs/xattr.c. The rules are the
//! inode layer's.

use super::Cage;
use crate::abi::{AT_FDCWD, AtFlags, Errno, Result, XattrFlags};
use crate::inode::{Inode, xattr};
use crate::sync::epoch::{self, Guard};
use crate::sync::refcount::Shared;

/// What the calls of one family are aimed at.
enum Target<'a> {
    /// A path from a directory; whether a symbolic link at its end is followed; what an empty path means.
    Path { dirfd: i32, path: &'a [u8], follow: bool, empty: bool },
    /// An open file.
    Fd(i32),
}

impl<'a> Target<'a> {
    fn path(path: &'a [u8], follow: bool) -> Self {
        Target::Path { dirfd: AT_FDCWD, path, follow, empty: false }
    }

    /// # Errors
    /// EINVAL: other flags than `AT_SYMLINK_NOFOLLOW` and `AT_EMPTY_PATH`.
    fn at(dirfd: i32, path: &'a [u8], flags: AtFlags) -> Result<Self> {
        if !(flags - (AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)).is_empty() {
            return Err(Errno::EINVAL);
        }
        let empty = flags.contains(AtFlags::EMPTY_PATH);
        if empty && path.is_empty() && dirfd >= 0 {
            return Ok(Target::Fd(dirfd));
        }
        Ok(Target::Path { dirfd, path, follow: !flags.contains(AtFlags::SYMLINK_NOFOLLOW), empty })
    }
}

impl Cage {
    /// Copies the value of an extended attribute into `value` and returns its length; an empty `value` asks for the
    /// length alone.
    ///
    /// # Errors
    /// E2BIG, EACCES, ELOOP, ENAMETOOLONG, ENODATA (no such attribute), ENOENT, ENOTDIR, EOPNOTSUPP (no such
    /// namespace), ERANGE (`value` is too small, or the name's length is bad)
    pub fn getxattr(
        &self,
        path: impl AsRef<[u8]>,
        name: impl AsRef<[u8]>,
        value: &mut [u8],
    ) -> Result<usize> {
        self.get_of(&Target::path(path.as_ref(), true), name.as_ref(), value)
    }

    /// The same of a symbolic link itself.
    ///
    /// # Errors
    /// As [`getxattr`](Self::getxattr)
    pub fn lgetxattr(
        &self,
        path: impl AsRef<[u8]>,
        name: impl AsRef<[u8]>,
        value: &mut [u8],
    ) -> Result<usize> {
        self.get_of(&Target::path(path.as_ref(), false), name.as_ref(), value)
    }

    /// The same of an open file.
    ///
    /// # Errors
    /// As [`getxattr`](Self::getxattr); EBADF
    pub fn fgetxattr(&self, fd: i32, name: impl AsRef<[u8]>, value: &mut [u8]) -> Result<usize> {
        self.get_of(&Target::Fd(fd), name.as_ref(), value)
    }

    /// The same relative to a directory; `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`.
    ///
    /// # Errors
    /// As [`getxattr`](Self::getxattr); EBADF; EINVAL: unknown flags.
    pub fn getxattrat(
        &self,
        dirfd: i32,
        path: impl AsRef<[u8]>,
        flags: AtFlags,
        name: impl AsRef<[u8]>,
        value: &mut [u8],
    ) -> Result<usize> {
        self.get_of(&Target::at(dirfd, path.as_ref(), flags)?, name.as_ref(), value)
    }

    /// Sets an extended attribute: a new one, unless `XATTR_REPLACE`, or an old one, unless `XATTR_CREATE`.
    ///
    /// # Errors
    /// E2BIG (a value over 64 KiB), EACCES, EEXIST (`XATTR_CREATE`), EINVAL, ELOOP, ENAMETOOLONG, ENODATA
    /// (`XATTR_REPLACE`), ENOENT, ENOMEM, ENOSPC, ENOTDIR, EOPNOTSUPP (no such namespace), EPERM, ERANGE (the name's
    /// length is bad)
    pub fn setxattr(
        &self,
        path: impl AsRef<[u8]>,
        name: impl AsRef<[u8]>,
        value: &[u8],
        flags: XattrFlags,
    ) -> Result<()> {
        self.set_of(&Target::path(path.as_ref(), true), name.as_ref(), value, flags)
    }

    /// The same of a symbolic link itself.
    ///
    /// # Errors
    /// As [`setxattr`](Self::setxattr)
    pub fn lsetxattr(
        &self,
        path: impl AsRef<[u8]>,
        name: impl AsRef<[u8]>,
        value: &[u8],
        flags: XattrFlags,
    ) -> Result<()> {
        self.set_of(&Target::path(path.as_ref(), false), name.as_ref(), value, flags)
    }

    /// The same of an open file.
    ///
    /// # Errors
    /// As [`setxattr`](Self::setxattr); EBADF
    pub fn fsetxattr(&self, fd: i32, name: impl AsRef<[u8]>, value: &[u8], flags: XattrFlags) -> Result<()> {
        self.set_of(&Target::Fd(fd), name.as_ref(), value, flags)
    }

    /// The same relative to a directory; `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`.
    ///
    /// # Errors
    /// As [`setxattr`](Self::setxattr); EBADF; EINVAL: unknown flags.
    pub fn setxattrat(
        &self,
        dirfd: i32,
        path: impl AsRef<[u8]>,
        at_flags: AtFlags,
        name: impl AsRef<[u8]>,
        value: &[u8],
        flags: XattrFlags,
    ) -> Result<()> {
        self.set_of(&Target::at(dirfd, path.as_ref(), at_flags)?, name.as_ref(), value, flags)
    }

    /// Copies the names of all extended attributes that the caller may see into `list`, each with a NUL behind it, and
    /// returns their length; an empty `list` asks for the length alone.
    ///
    /// # Errors
    /// E2BIG, EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ERANGE (`list` is too small)
    pub fn listxattr(&self, path: impl AsRef<[u8]>, list: &mut [u8]) -> Result<usize> {
        self.list_of(&Target::path(path.as_ref(), true), list)
    }

    /// The same of a symbolic link itself.
    ///
    /// # Errors
    /// As [`listxattr`](Self::listxattr)
    pub fn llistxattr(&self, path: impl AsRef<[u8]>, list: &mut [u8]) -> Result<usize> {
        self.list_of(&Target::path(path.as_ref(), false), list)
    }

    /// The same of an open file.
    ///
    /// # Errors
    /// As [`listxattr`](Self::listxattr); EBADF
    pub fn flistxattr(&self, fd: i32, list: &mut [u8]) -> Result<usize> {
        self.list_of(&Target::Fd(fd), list)
    }

    /// The same relative to a directory; `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`.
    ///
    /// # Errors
    /// As [`listxattr`](Self::listxattr); EBADF; EINVAL: unknown flags.
    pub fn listxattrat(
        &self,
        dirfd: i32,
        path: impl AsRef<[u8]>,
        flags: AtFlags,
        list: &mut [u8],
    ) -> Result<usize> {
        self.list_of(&Target::at(dirfd, path.as_ref(), flags)?, list)
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// EACCES, ELOOP, ENAMETOOLONG, ENODATA (no such attribute), ENOENT, ENOTDIR, EOPNOTSUPP (no such namespace),
    /// EPERM, ERANGE (the name's length is bad)
    pub fn removexattr(&self, path: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Result<()> {
        self.remove_of(&Target::path(path.as_ref(), true), name.as_ref())
    }

    /// The same of a symbolic link itself.
    ///
    /// # Errors
    /// As [`removexattr`](Self::removexattr)
    pub fn lremovexattr(&self, path: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Result<()> {
        self.remove_of(&Target::path(path.as_ref(), false), name.as_ref())
    }

    /// The same of an open file.
    ///
    /// # Errors
    /// As [`removexattr`](Self::removexattr); EBADF
    pub fn fremovexattr(&self, fd: i32, name: impl AsRef<[u8]>) -> Result<()> {
        self.remove_of(&Target::Fd(fd), name.as_ref())
    }

    /// The same relative to a directory; `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`.
    ///
    /// # Errors
    /// As [`removexattr`](Self::removexattr); EBADF; EINVAL: unknown flags.
    pub fn removexattrat(
        &self,
        dirfd: i32,
        path: impl AsRef<[u8]>,
        flags: AtFlags,
        name: impl AsRef<[u8]>,
    ) -> Result<()> {
        self.remove_of(&Target::at(dirfd, path.as_ref(), flags)?, name.as_ref())
    }

    fn get_of(&self, target: &Target<'_>, name: &[u8], value: &mut [u8]) -> Result<usize> {
        xattr::check_name(name)?;
        let guard = epoch::pin();
        self.target(target, &guard)?.getxattr(name, value, self.cred(&guard)?)
    }

    fn set_of(&self, target: &Target<'_>, name: &[u8], value: &[u8], flags: XattrFlags) -> Result<()> {
        xattr::check_set(name, value.len(), flags)?;
        let guard = epoch::pin();
        self.target(target, &guard)?.setxattr(name, value, flags, self.cred(&guard)?)
    }

    fn list_of(&self, target: &Target<'_>, list: &mut [u8]) -> Result<usize> {
        let guard = epoch::pin();
        self.target(target, &guard)?.listxattr(list, self.cred(&guard)?)
    }

    fn remove_of(&self, target: &Target<'_>, name: &[u8]) -> Result<()> {
        xattr::check_name(name)?;
        let guard = epoch::pin();
        self.target(target, &guard)?.removexattr(name, self.cred(&guard)?)
    }

    fn target<'g>(&'g self, target: &Target<'g>, guard: &'g Guard) -> Result<Shared<'g, Inode>> {
        match *target {
            Target::Fd(fd) => self.table.get(fd, guard)?.opened(guard),
            Target::Path { dirfd, path, follow, empty } => self.find_at(dirfd, path, follow, empty, guard),
        }
    }
}
