//! unlink(2) and rmdir(2).

use super::attributes::Stamp;
use super::create::ENTRY_SIZE;
use super::permission::may_delete;
use super::{Credentials, Inode};
use crate::abi::Errno;
use crate::sync::epoch::Guard;
use crate::sync::refcount::Shared;

impl Inode {
    /// Removes the name of something that is not a directory.
    ///
    /// # Errors
    /// ENOENT, EACCES, EPERM (sticky directory), EISDIR, ENOTDIR, ENAMETOOLONG
    pub fn unlink(
        dir: Shared<'_, Self>,
        name: &[u8],
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<(), Errno> {
        let directory = dir.directory()?;
        let key = dir.key(name)?;
        let mut entries = directory.entries(guard);
        let found = entries.find(&key).ok_or(Errno::ENOENT)?;
        let victim = found.inode;
        may_delete(&dir, &victim, cred, false)?;
        let now = dir.sb.now();
        victim.drop_link(now);
        let held = entries.remove(found);
        entries.tidy();
        dir.attributes.change(|a| {
            a.set_size(a.size() - ENTRY_SIZE);
            a.modified(now);
        });
        // The last reference goes after the lock.
        drop(entries);
        drop(held);
        Ok(())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// ENOENT, EACCES, EPERM (sticky directory), ENOTDIR, ENOTEMPTY, ENAMETOOLONG
    pub fn rmdir(dir: Shared<'_, Self>, name: &[u8], cred: &Credentials, guard: &Guard) -> Result<(), Errno> {
        let directory = dir.directory()?;
        let key = dir.key(name)?;
        let mut entries = directory.entries(guard);
        let found = entries.find(&key).ok_or(Errno::ENOENT)?;
        let victim = found.inode;
        may_delete(&dir, &victim, cred, true)?;
        let removed = victim.get().directory()?;
        let mut inner = removed.more_entries(guard);
        if inner.len() != 0 {
            return Err(Errno::ENOTEMPTY);
        }
        inner.set_removed();
        drop(inner);
        let now = dir.sb.now();
        victim.attributes.change(|a| {
            a.set_nlink(0);
            a.set(Stamp::Change, now);
        });
        let held = entries.remove(found);
        // Who still gets here by a remembered path finds it removed and empty.
        removed.forget(&dir.sb);
        entries.tidy();
        dir.attributes.change(|a| {
            a.set_size(a.size() - ENTRY_SIZE);
            a.set_nlink(a.nlink() - 1);
            a.modified(now);
        });
        drop(entries);
        drop(held);
        Ok(())
    }

    /// One name less.
    pub(super) fn drop_link(&self, now: crate::abi::Timespec) {
        let before = self.attributes.change(|a| {
            let before = a.nlink();
            a.set_nlink(before.saturating_sub(1));
            a.set(Stamp::Change, now);
            before
        });
        if before > 1 {
            self.sb.refund_name();
        }
    }
}
