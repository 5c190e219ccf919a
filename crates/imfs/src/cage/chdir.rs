//! chdir(2), fchdir(2), chroot(2), getcwd(2), umask(2).

use super::Cage;
use crate::abi::{Access, Errno, Mode, PATH_MAX, Result};
use crate::inode::{Capabilities, Credentials, Inode, permission};
use crate::sync::alloc::try_copy;
use crate::sync::epoch;
use crate::sync::primitives::atomic::Ordering;
use crate::sync::refcount::{Ref, Shared, Slot};

impl Cage {
    /// Changes the working directory.
    ///
    /// # Errors
    /// EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
    pub fn chdir(&self, path: impl AsRef<[u8]>) -> Result<()> {
        let guard = epoch::pin();
        let walk = self.walk(&guard)?;
        let dir = walk.hold(path.as_ref(), true, |dir| may_enter(dir, walk.cred), Shared::upgrade)?;
        self.set_place(&self.cwd, dir)
    }

    /// Changes the working directory to an open one.
    ///
    /// # Errors
    /// EACCES, EBADF, ENOTDIR
    pub fn fchdir(&self, fd: i32) -> Result<()> {
        let guard = epoch::pin();
        let dir = self.directory_of(fd, &guard)?;
        may_enter(dir, self.cred(&guard)?)?;
        self.set_place(&self.cwd, dir.upgrade().ok_or(Errno::ENOENT)?)
    }

    /// Changes the root directory, where absolute paths start and ".." ends. The working directory stays.
    ///
    /// # Errors
    /// EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR; EPERM: without CAP_SYS_CHROOT.
    pub fn chroot(&self, path: impl AsRef<[u8]>) -> Result<()> {
        let guard = epoch::pin();
        let walk = self.walk(&guard)?;
        let dir = walk.hold(path.as_ref(), true, |dir| may_enter(dir, walk.cred), Shared::upgrade)?;
        if !walk.cred.capable(Capabilities::SYS_CHROOT) {
            return Err(Errno::EPERM);
        }
        self.set_place(&self.root, dir)
    }

    /// Lets go of the old directory at once: it may have been removed, and be alive only through this.
    fn set_place(&self, place: &Slot<Inode>, dir: Ref<Inode>) -> Result<()> {
        let lock = self.change.lock();
        // An exit empties both for good.
        if place.is_empty() {
            return Err(Errno::ESRCH);
        }
        let replaced = place.swap(Some(dir));
        drop(lock);
        drop(replaced);
        Ok(())
    }

    /// The path of the working directory from the root, in the form of getcwd(2) without the NUL. Outside of the root it
    /// starts with "(unreachable)".
    ///
    /// # Errors
    /// ENOENT: it was removed. ENAMETOOLONG: longer than PATH_MAX. ENOMEM, ESRCH
    pub fn getcwd(&self) -> Result<Vec<u8>> {
        let guard = epoch::pin();
        let root = self.root.load(&guard).ok_or(Errno::ESRCH)?;
        let mut at = self.cwd.load(&guard).ok_or(Errno::ESRCH)?;
        // The names are read one by one: no directory may move meanwhile.
        let _still = self.tree.sb.rename.lock();
        if at.attributes.nlink() == 0 {
            return Err(Errno::ENOENT);
        }
        // From the end to the front, as the names are found.
        let mut path = [0; PATH_MAX];
        let mut start = path.len();
        let mut put = |bytes: &[u8]| {
            start = start.checked_sub(bytes.len()).filter(|start| *start > 0).ok_or(Errno::ENAMETOOLONG)?;
            path[start..start + bytes.len()].copy_from_slice(bytes);
            Ok(())
        };
        if at.same(root) || at.get().directory()?.parent(&guard).is_none() {
            put(b"/")?;
        }
        while !at.same(root) {
            let directory = at.get().directory()?;
            let Some(parent) = directory.parent(&guard) else {
                put(b"(unreachable)")?;
                break;
            };
            put(directory.own_name(&guard))?;
            put(b"/")?;
            at = parent;
        }
        let path = try_copy(&path[start..]).ok_or(Errno::ENOMEM)?;
        Ok(path.into_vec())
    }

    /// Sets the file-mode creation mask, and returns the old one.
    pub fn umask(&self, mask: Mode) -> Mode {
        Mode::from_bits_retain(self.umask.swap(mask.bits() & 0o777, Ordering::Relaxed))
    }
}

/// # Errors
/// ENOTDIR, EACCES: no right to search it.
fn may_enter(dir: Shared<'_, Inode>, cred: &Credentials) -> Result<()> {
    dir.get().directory()?;
    permission(dir.get(), cred, Access::EXEC)
}
