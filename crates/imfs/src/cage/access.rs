//! access(2), faccessat(2), faccessat2(2).

use super::Cage;
use crate::abi::{AT_FDCWD, Access, AtFlags, Errno, Result};
use crate::inode::{Capabilities, Credentials, permission};
use crate::sync::epoch;

impl Cage {
    /// Whether the real user may access the file so.
    ///
    /// # Errors
    /// EACCES, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
    pub fn access(&self, path: impl AsRef<[u8]>, mode: Access) -> Result<()> {
        self.faccessat(AT_FDCWD, path, mode, AtFlags::empty())
    }

    /// The same relative to a directory; `AT_EACCESS` asks for the effective user, `AT_SYMLINK_NOFOLLOW`,
    /// `AT_EMPTY_PATH`.
    ///
    /// # Errors
    /// As [`access`](Self::access); EBADF
    pub fn faccessat(&self, dirfd: i32, path: impl AsRef<[u8]>, mode: Access, flags: AtFlags) -> Result<()> {
        let known = AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        if mode.bits() & !7 != 0 || !(flags - known).is_empty() {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let cred = self.cred(&guard)?;
        let real = if flags.contains(AtFlags::EACCESS) { None } else { as_real_user(cred)? };
        let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
        let path = path.as_ref();
        let inode = if path.is_empty() && flags.contains(AtFlags::EMPTY_PATH) {
            self.find_at(dirfd, path, follow, true, &guard)?
        } else {
            let walk = self.walk_at(dirfd, path, &guard)?;
            real.as_ref().map_or(walk, |real| walk.by(real)).find(path, follow)?
        };
        permission(inode.get(), real.as_ref().unwrap_or(cred), mode)
    }
}

/// The credentials with which access(2) asks (`access_override_creds`): the real user's, with capabilities only for
/// root. `None` if those are the present ones.
///
/// # Errors
/// ENOMEM
fn as_real_user(cred: &Credentials) -> Result<Option<Credentials>> {
    let effective = if cred.uid == 0 { cred.permitted } else { Capabilities::empty() };
    if (cred.fsuid, cred.fsgid, cred.effective) == (cred.uid, cred.gid, effective) {
        return Ok(None);
    }
    Ok(Some(Credentials { fsuid: cred.uid, fsgid: cred.gid, effective, ..cred.try_clone()? }))
}
