//! dup(2), dup2(2), dup3(2), and the descriptor half of fcntl(2).

use super::Cage;
use super::table::FIRST;
use crate::abi::{Errno, FdFlags, OFlags, Result};
use crate::inode::Object;
use crate::sync::epoch;

impl Cage {
    /// Another descriptor, the lowest free one, for the same description.
    ///
    /// # Errors
    /// EBADF, EMFILE, ENOMEM
    pub fn dup(&self, fd: i32) -> Result<i32> {
        let description = self.table.hold(fd)?;
        Ok(self.table.reserve(FIRST, self.limit())?.fill(description, false))
    }

    /// Makes `newfd` stand for the description of `oldfd`, closing what it stood for.
    ///
    /// # Errors
    /// EBADF: of `oldfd`, or `newfd` is out of range. EBUSY: `newfd` is just being opened by another call. ENOMEM.
    pub fn dup2(&self, oldfd: i32, newfd: i32) -> Result<i32> {
        if oldfd == newfd {
            self.table.get(oldfd, &epoch::pin())?;
            return Ok(newfd);
        }
        self.replace(oldfd, newfd, false)
    }

    /// dup2 with a choice about exec; `flags` is 0 or O_CLOEXEC.
    ///
    /// # Errors
    /// As [`dup2`](Self::dup2); EINVAL: other flags, or both descriptors are the same.
    pub fn dup3(&self, oldfd: i32, newfd: i32, flags: OFlags) -> Result<i32> {
        if !(flags - OFlags::CLOEXEC).is_empty() || oldfd == newfd {
            return Err(Errno::EINVAL);
        }
        self.replace(oldfd, newfd, flags.contains(OFlags::CLOEXEC))
    }

    fn replace(&self, oldfd: i32, newfd: i32, cloexec: bool) -> Result<i32> {
        let number = usize::try_from(newfd).ok().filter(|n| *n < self.limit()).ok_or(Errno::EBADF)?;
        let description = self.table.hold(oldfd)?;
        let replaced = self.table.lock().put(number, description, cloexec)?;
        if let Some(replaced) = replaced {
            self.closed(replaced);
        }
        Ok(newfd)
    }

    /// F_DUPFD and F_DUPFD_CLOEXEC of fcntl(2): the lowest free descriptor from `from` on.
    ///
    /// # Errors
    /// EBADF, EINVAL (`from` is negative or beyond the limit), EMFILE, ENOMEM
    pub fn dupfd(&self, fd: i32, from: i32, cloexec: bool) -> Result<i32> {
        let description = self.table.hold(fd)?;
        let from = usize::try_from(from).ok().filter(|n| *n < self.limit()).ok_or(Errno::EINVAL)?;
        // 0, 1 and 2 are the enclosing grate's.
        Ok(self.table.reserve(from.max(FIRST), self.limit())?.fill(description, cloexec))
    }

    /// F_GETFD of fcntl(2).
    ///
    /// # Errors
    /// EBADF
    pub fn getfd(&self, fd: i32) -> Result<FdFlags> {
        Ok(if self.table.cloexec(fd)? { FdFlags::CLOEXEC } else { FdFlags::empty() })
    }

    /// F_SETFD of fcntl(2).
    ///
    /// # Errors
    /// EBADF
    pub fn setfd(&self, fd: i32, flags: FdFlags) -> Result<()> {
        self.table.lock().set_cloexec(fd, flags.contains(FdFlags::CLOEXEC))
    }

    /// F_GETFL of fcntl(2).
    ///
    /// # Errors
    /// EBADF
    pub fn getfl(&self, fd: i32) -> Result<OFlags> {
        Ok(self.table.get(fd, &epoch::pin())?.flags())
    }

    /// F_SETFL of fcntl(2): O_APPEND, O_ASYNC, O_DIRECT, O_NOATIME and O_NONBLOCK; other flags are ignored.
    ///
    /// # Errors
    /// EBADF; EPERM: O_NOATIME by somebody who is not the owner, O_APPEND of a file that is append-only; EINVAL: O_DIRECT
    /// of what has no pages.
    pub fn setfl(&self, fd: i32, flags: OFlags) -> Result<()> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        if description.is_path() {
            return Err(Errno::EBADF);
        }
        let old = description.flags();
        let news = flags - old;
        if (flags ^ old).contains(OFlags::APPEND)
            && description.inode(&guard).is_ok_and(|inode| inode.append_only())
        {
            return Err(Errno::EPERM);
        }
        if news.contains(OFlags::NOATIME)
            && let Ok(inode) = description.inode(&guard)
            && !crate::inode::owner_or_capable(inode.attr().uid, self.cred(&guard)?)
        {
            return Err(Errno::EPERM);
        }
        if news.contains(OFlags::DIRECT)
            && let Ok(inode) = description.inode(&guard)
            && !matches!(inode.object, Object::Regular(_) | Object::Pipe(_))
        {
            return Err(Errno::EINVAL);
        }
        // Only who can send a signal takes O_ASYNC (`setfl`, the files' `fasync`).
        let signals = description.inode(&guard).map_or(true, |inode| matches!(inode.object, Object::Pipe(_)));
        let kept = if signals { OFlags::empty() } else { OFlags::ASYNC };
        description.set_flags((flags - kept) | (description.flags() & kept));
        Ok(())
    }
}
