//! link(2): another name for an inode.

use super::attributes::{APPEND_ONLY, IMMUTABLE, LINKABLE, Stamp};
use super::create::ENTRY_SIZE;
use super::permission::{may_create, owner_or_capable, permission};
use super::{Credentials, Inode, Protections};
use crate::abi::{Access, Errno, FileType, LINK_MAX, Mode, Timespec};
use crate::sync::epoch::Guard;
use crate::sync::refcount::Shared;

impl Inode {
    /// Gives `inode` the name `name` in `dir`. `tmpfile` says that it was opened with O_TMPFILE and not O_EXCL, and so
    /// may have its first name.
    ///
    /// # Errors
    /// EEXIST, ENOENT (the directory was removed, or the inode has no name left), EACCES, EPERM (a directory, something
    /// immutable or append-only, or protected as by `protected_hardlinks`), EMLINK, ENOTDIR, ENAMETOOLONG, ENOMEM, EXDEV
    /// (a nameless pipe)
    pub fn link(
        inode: Shared<'_, Self>,
        dir: Shared<'_, Self>,
        name: &[u8],
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<(), Errno> {
        let directory = dir.directory()?;
        let key = dir.key(name)?;
        let mut entries = directory.entries(guard);
        if entries.find(&key).is_some() {
            return Err(Errno::EEXIST);
        }
        if entries.removed() {
            return Err(Errno::ENOENT);
        }
        if inode.dev() != dir.dev() {
            return Err(Errno::EXDEV);
        }
        may_linkat(&inode, cred)?;
        may_create(&dir, &dir.attributes.owner(), cred)?;
        if inode.is_dir() || inode.attributes.has(IMMUTABLE | APPEND_ONLY) {
            return Err(Errno::EPERM);
        }
        let held = inode.upgrade().ok_or(Errno::ENOENT)?;
        let room = entries.reserve(&key)?;
        let now = dir.sb.now();
        inode.count_link(now)?;
        entries.insert(room, &key, held);
        dir.attributes.change(|a| {
            a.set_size(a.size() + ENTRY_SIZE);
            a.modified(now);
        });
        Ok(())
    }
}

impl Inode {
    /// One name more. As on tmpfs each further one counts as an inode: it too takes memory.
    fn count_link(&self, now: Timespec) -> Result<(), Errno> {
        loop {
            // Outside of the change, for it may have to wait.
            let further = self.attributes.nlink() != 0;
            if further {
                self.sb.charge_name()?;
            }
            let counted = self.attributes.change(|a| {
                match a.nlink() {
                    0 if a.owner().flags & LINKABLE == 0 => return Err(Errno::ENOENT),
                    LINK_MAX => return Err(Errno::EMLINK),
                    // It got or lost its last name meanwhile.
                    links if (links != 0) != further => return Ok(false),
                    _ => {}
                }
                a.set_nlink(a.nlink() + 1);
                a.set_flag(LINKABLE, false);
                a.set(Stamp::Change, now);
                Ok(true)
            });
            if further && counted != Ok(true) {
                self.sb.refund_name();
            }
            match counted {
                Ok(false) => {}
                counted => return counted.map(drop),
            }
        }
    }
}

/// `may_linkat`: where that is asked for, who is not the owner links only what is safe.
fn may_linkat(inode: &Inode, cred: &Credentials) -> Result<(), Errno> {
    if !inode.sb.protections.contains(Protections::HARDLINKS) {
        return Ok(());
    }
    let owner = inode.attributes.owner();
    let special = owner.mode & Mode::SUID.bits() != 0
        || owner.mode & (Mode::SGID | Mode::XGRP).bits() == (Mode::SGID | Mode::XGRP).bits();
    let safe = inode.file_type() == FileType::Regular
        && !special
        && permission(inode, cred, Access::READ | Access::WRITE).is_ok();
    if safe || owner_or_capable(owner.uid, cred) { Ok(()) } else { Err(Errno::EPERM) }
}
