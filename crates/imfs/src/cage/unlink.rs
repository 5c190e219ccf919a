//! unlink(2), unlinkat(2), rmdir(2), remove(3).

use super::Cage;
use crate::abi::{AT_FDCWD, AtFlags, Errno, Result};
use crate::inode::Inode;
use crate::sync::epoch;
use crate::walk::Last;

impl Cage {
    /// Removes a name; the file goes with its last name and its last descriptor.
    ///
    /// # Errors
    /// EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM (sticky directory)
    pub fn unlink(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.unlinkat(AT_FDCWD, path, AtFlags::empty())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// EACCES, EBUSY (the root), EINVAL (the last component is "."), ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, EPERM
    pub fn rmdir(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.unlinkat(AT_FDCWD, path, AtFlags::REMOVEDIR)
    }

    /// Removes a name or an empty directory, whichever it is: remove(3).
    ///
    /// # Errors
    /// As [`unlink`](Self::unlink) and [`rmdir`](Self::rmdir)
    pub fn remove(&self, path: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        match self.unlink(path) {
            Err(Errno::EISDIR) => self.rmdir(path),
            result => result,
        }
    }

    /// Relative to a directory; `AT_REMOVEDIR` removes directories, else it removes everything else.
    ///
    /// # Errors
    /// As [`unlink`](Self::unlink) or [`rmdir`](Self::rmdir); EBADF; EINVAL: unknown flags.
    pub fn unlinkat(&self, dirfd: i32, path: impl AsRef<[u8]>, flags: AtFlags) -> Result<()> {
        if !(flags - AtFlags::REMOVEDIR).is_empty() {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let path = path.as_ref();
        let walk = self.walk_at(dirfd, path, &guard)?;
        let at = walk.parent(path)?;
        if flags.contains(AtFlags::REMOVEDIR) {
            return match at.last {
                Last::Name(name) => Inode::rmdir(at.dir, name, walk.cred, &guard),
                Last::Dot => Err(Errno::EINVAL),
                Last::DotDot => Err(Errno::ENOTEMPTY),
                Last::Root => Err(Errno::EBUSY),
            };
        }
        let Last::Name(name) = at.last else { return Err(Errno::EISDIR) };
        if at.slash {
            let found = walk.resolve_last(&at)?;
            return Err(if found.is_dir() { Errno::EISDIR } else { Errno::ENOTDIR });
        }
        Inode::unlink(at.dir, name, walk.cred, &guard)
    }
}
