//! rename(2), renameat(2), renameat2(2).

use super::Cage;
use crate::abi::{AT_FDCWD, Errno, RenameFlags, Result};
use crate::inode::{Inode, RenameEnd};
use crate::sync::epoch;
use crate::walk::Last;

impl Cage {
    /// Gives a file another name and place, replacing what is there.
    ///
    /// # Errors
    /// EACCES, EBUSY, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, ENOTEMPTY, EPERM
    pub fn rename(&self, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Result<()> {
        self.renameat2(AT_FDCWD, old, AT_FDCWD, new, RenameFlags::empty())
    }

    /// The same relative to directories.
    ///
    /// # Errors
    /// As [`rename`](Self::rename); EBADF
    pub fn renameat(
        &self,
        olddirfd: i32,
        old: impl AsRef<[u8]>,
        newdirfd: i32,
        new: impl AsRef<[u8]>,
    ) -> Result<()> {
        self.renameat2(olddirfd, old, newdirfd, new, RenameFlags::empty())
    }

    /// The same with `RENAME_NOREPLACE`, `RENAME_EXCHANGE`, or `RENAME_WHITEOUT`.
    ///
    /// # Errors
    /// As [`renameat`](Self::renameat); EEXIST; EINVAL: flags that are unknown or exclude each other; ENOSPC.
    pub fn renameat2(
        &self,
        olddirfd: i32,
        old: impl AsRef<[u8]>,
        newdirfd: i32,
        new: impl AsRef<[u8]>,
        flags: RenameFlags,
    ) -> Result<()> {
        let others = RenameFlags::NOREPLACE | RenameFlags::WHITEOUT;
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if !(flags - others - RenameFlags::EXCHANGE).is_empty() || (exchange && flags.intersects(others)) {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let (old, new) = (old.as_ref(), new.as_ref());
        let walk = self.walk_at(olddirfd, old, &guard)?;
        let from = walk.parent(old)?;
        let to = self.walk_at(newdirfd, new, &guard)?.parent(new)?;
        let Last::Name(old_name) = from.last else { return Err(Errno::EBUSY) };
        let Last::Name(new_name) = to.last else {
            let no_replace = flags.contains(RenameFlags::NOREPLACE);
            return Err(if no_replace { Errno::EEXIST } else { Errno::EBUSY });
        };
        let from = RenameEnd { dir: from.dir, name: old_name, slash: from.slash };
        let to = RenameEnd { dir: to.dir, name: new_name, slash: to.slash };
        Inode::rename(from, to, flags, walk.cred, &guard)
    }
}
