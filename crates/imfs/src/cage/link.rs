//! link(2), linkat(2).

use crate::sync::primitives::atomic::Ordering;

use super::Cage;
use crate::abi::{AT_FDCWD, AtFlags, Errno, Result};
use crate::inode::{Capabilities, Inode};
use crate::sync::epoch::{self, Guard};
use crate::walk::{Last, check_path};

impl Cage {
    /// Gives a file another name. A symbolic link at `old` is not followed.
    ///
    /// # Errors
    /// EACCES, EEXIST, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EPERM (a directory)
    pub fn link(&self, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Result<()> {
        self.linkat(AT_FDCWD, old, AT_FDCWD, new, AtFlags::empty())
    }

    /// The same relative to directories; `AT_SYMLINK_FOLLOW`, and `AT_EMPTY_PATH` for an open file, such as one of
    /// O_TMPFILE.
    ///
    /// # Errors
    /// As [`link`](Self::link); EBADF; EINVAL: unknown flags; ENOENT: `AT_EMPTY_PATH` without CAP_DAC_READ_SEARCH, by
    /// other credentials than the file was opened with.
    pub fn linkat(
        &self,
        olddirfd: i32,
        old: impl AsRef<[u8]>,
        newdirfd: i32,
        new: impl AsRef<[u8]>,
        flags: AtFlags,
    ) -> Result<()> {
        if !(flags - (AtFlags::SYMLINK_FOLLOW | AtFlags::EMPTY_PATH)).is_empty() {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let (old, new) = (old.as_ref(), new.as_ref());
        let empty = flags.contains(AtFlags::EMPTY_PATH);
        let follow = flags.contains(AtFlags::SYMLINK_FOLLOW);
        check_path(old)?;
        if old.is_empty() && !empty {
            return Err(Errno::ENOENT);
        }
        // The flag is checked against the descriptor, whatever the path (`path_init`, LOOKUP_LINKAT_EMPTY).
        let by_descriptor = empty && olddirfd != AT_FDCWD && old.first() != Some(&b'/');
        if by_descriptor && !self.cred(&guard)?.capable(Capabilities::DAC_READ_SEARCH) {
            self.may_link_descriptor(olddirfd, &guard)?;
        }
        let inode = self.find_at(olddirfd, old, follow, empty, &guard)?;
        let walk = self.walk_at(newdirfd, new, &guard)?;
        let at = walk.parent(new)?;
        let Last::Name(name) = at.last else { return Err(Errno::EEXIST) };
        if at.slash {
            return Err(if walk.resolve_last(&at).is_ok() { Errno::EEXIST } else { Errno::ENOENT });
        }
        Inode::link(inode, at.dir, name, walk.cred, &guard)
    }

    /// Linux 6.10 lets a caller link what it opened itself, with the credentials that it still has.
    fn may_link_descriptor(&self, fd: i32, guard: &Guard) -> Result<()> {
        let opener = self.table.get(fd, guard)?.opener();
        if opener == self.identity.load(Ordering::Relaxed) { Ok(()) } else { Err(Errno::ENOENT) }
    }
}
