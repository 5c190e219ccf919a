//! Changes of mode, owner and time stamps: chmod(2), chown(2), utimensat(2) (fs/attr.c `setattr_prepare`,
//! `setattr_copy`, fs/utimes.c).

use super::attributes::{APPEND_ONLY, Change, HAS_ACL, HAS_CAPABILITY, IMMUTABLE, Stamp};
use super::permission::{owner_or_capable, permission};
use super::{Capabilities, Credentials, Inode};
use crate::abi::{Access, Errno, FileType, Mode, SetTime, Timespec};

/// A change of attributes, after `struct iattr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAttr {
    /// The new permission bits.
    pub mode: Option<Mode>,
    /// The new owner.
    pub uid: Option<u32>,
    /// The new group.
    pub gid: Option<u32>,
    /// What becomes of the access time.
    pub atime: SetTime,
    /// What becomes of the modification time.
    pub mtime: SetTime,
    /// The time of this change, where somebody else has noted it: a kernel that keeps the times of files that it writes
    /// (`FATTR_CTIME`). `None`: now.
    pub ctime: Option<Timespec>,
}

impl Default for SetAttr {
    fn default() -> Self {
        Self { mode: None, uid: None, gid: None, atime: SetTime::Omit, mtime: SetTime::Omit, ctime: None }
    }
}

/// The bits of the mode that change who runs a program.
const SET_ID: u32 = Mode::SUID.bits() | Mode::SGID.bits();
/// The owner or group that chown(2) leaves as it is.
pub(crate) const UNCHANGED: u32 = u32::MAX;

impl Inode {
    /// chmod(2).
    ///
    /// # Errors
    /// EPERM: not the owner. EOPNOTSUPP: a symbolic link.
    pub fn chmod(&self, mode: Mode, cred: &Credentials) -> Result<(), Errno> {
        if self.file_type() == FileType::Symlink {
            return Err(Errno::EOPNOTSUPP);
        }
        self.set_attr(&SetAttr { mode: Some(mode), ..SetAttr::default() }, cred)
    }

    /// chown(2): `u32::MAX` leaves the owner or the group as it is.
    ///
    /// # Errors
    /// EPERM: only the superuser gives files away; an owner may choose among the own groups.
    pub fn chown(&self, uid: u32, gid: u32, cred: &Credentials) -> Result<(), Errno> {
        let change = SetAttr {
            uid: (uid != UNCHANGED).then_some(uid),
            gid: (gid != UNCHANGED).then_some(gid),
            ..SetAttr::default()
        };
        self.change_owner(&change, cred)
    }

    /// utimensat(2).
    ///
    /// # Errors
    /// EPERM: other times than now by somebody who is not the owner. EACCES: now, by somebody who may not write.
    pub fn set_times(&self, atime: SetTime, mtime: SetTime, cred: &Credentials) -> Result<(), Errno> {
        // What was stored to a mapping before is older than these times.
        if self.is_mapped() {
            self.settle_mapped();
        }
        self.set_attr(&SetAttr { atime, mtime, ..SetAttr::default() }, cred)
    }

    /// Several changes in one step, as a FUSE kernel asks for them.
    ///
    /// # Errors
    /// As the single ones.
    pub fn set_attr(&self, change: &SetAttr, cred: &Credentials) -> Result<(), Errno> {
        if change.uid.is_some() || change.gid.is_some() {
            return self.change_owner(change, cred);
        }
        self.may_set(change, cred)?;
        if *change == SetAttr::default() {
            return Ok(());
        }
        let now = self.sb.now();
        self.change_mode(change, |a| {
            if let Some(mode) = change.mode {
                let owner = a.owner();
                if !owner_or_capable(owner.uid, cred) {
                    return Err(Errno::EPERM);
                }
                a.set_permissions(allowed_mode(mode, owner.gid, cred));
            }
            apply_times(a, change, now);
            a.set(Stamp::Change, change.ctime.unwrap_or(now));
            Ok(())
        })
    }

    /// The rules of chown: who may, and which set-id bits go (`setattr_prepare`, `setattr_should_drop_suidgid`).
    fn change_owner(&self, change: &SetAttr, cred: &Credentials) -> Result<(), Errno> {
        self.may_set(change, cred)?;
        let now = self.sb.now();
        let kind = self.file_type();
        self.change_mode(change, |a| {
            let owner = a.owner();
            let capable = cred.capable(Capabilities::CHOWN);
            let own = cred.fsuid == owner.uid;
            if change.uid.is_some_and(|uid| !(capable || (own && uid == owner.uid))) {
                return Err(Errno::EPERM);
            }
            let may_group = |gid: u32| capable || (own && (cred.in_group(gid) || gid == owner.gid));
            if change.gid.is_some_and(|gid| !may_group(gid)) {
                return Err(Errno::EPERM);
            }
            let (uid, gid) = (change.uid.unwrap_or(owner.uid), change.gid.unwrap_or(owner.gid));
            let mut mode = Mode::from_raw(owner.mode);
            if let Some(asked) = change.mode {
                if !owner_or_capable(owner.uid, cred) {
                    return Err(Errno::EPERM);
                }
                mode = allowed_mode(asked, gid, cred);
            } else if kind != FileType::Directory {
                let left = without_set_id(mode, owner.gid, cred);
                // What takes bits away is a chmod as well, with its rules and for the new group.
                if left != mode {
                    if !owner_or_capable(owner.uid, cred) {
                        return Err(Errno::EPERM);
                    }
                    mode = allowed_mode(left, gid, cred);
                }
            }
            a.set_owner(uid, gid);
            a.set_permissions(mode);
            apply_times(a, change, now);
            a.set(Stamp::Change, change.ctime.unwrap_or(now));
            Ok(())
        })?;
        if kind != FileType::Directory {
            self.kill_capability();
        }
        Ok(())
    }

    /// Makes the `change` that was `asked` for; a new mode changes the access list as well (`posix_acl_chmod`).
    fn change_mode(
        &self,
        asked: &SetAttr,
        change: impl Fn(&mut Change<'_>) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mode = asked.mode;
        let access = mode.is_some() || asked.uid.is_some() || asked.gid.is_some();
        let _changing = (access && self.is_dir()).then(|| self.sb.paths.changing());
        loop {
            let locked = match (mode, self.extras()) {
                (Some(mode), Some(extras)) => Some((mode, extras, extras.xattrs.lock())),
                _ => None,
            };
            let mut acl = match &locked {
                Some((mode, extras, _)) => extras.chmod_acl(*mode)?,
                None => None,
            };
            let done = self.attributes.change(|a| {
                if mode.is_some() && locked.is_none() && a.owner().flags & HAS_ACL != 0 {
                    // The list came after we looked.
                    return None;
                }
                let changed = change(a);
                if let (Ok(()), Some(_), Some((_, extras, _))) = (changed, &acl, &locked) {
                    // The old one stays in `acl`, and is dropped after the step.
                    acl = extras.access_acl.swap(acl.take());
                }
                Some(changed)
            });
            if let Some(done) = done {
                return done;
            }
        }
    }

    /// `may_setattr`, and who may set the times.
    fn may_set(&self, change: &SetAttr, cred: &Credentials) -> Result<(), Errno> {
        let times = [change.atime, change.mtime];
        let touches = times == [SetTime::Now; 2];
        let sets = change.mode.is_some() || change.uid.is_some() || change.gid.is_some();
        let times_set = times != [SetTime::Omit; 2] && !touches;
        if self.attributes.has(IMMUTABLE | APPEND_ONLY)
            && (sets || times_set || (touches && self.attributes.has(IMMUTABLE)))
        {
            return Err(Errno::EPERM);
        }
        if times == [SetTime::Omit; 2] || owner_or_capable(self.attributes.owner().uid, cred) {
            return Ok(());
        }
        // Both "now" is what anybody may do who can write the file; any other pair is the owner's.
        if times == [SetTime::Now; 2] { permission(self, cred, Access::WRITE) } else { Err(Errno::EPERM) }
    }

    /// A write by somebody without `CAP_FSETID` takes set-id bits away, and by anybody the file's capabilities
    /// (`file_remove_privs`).
    #[inline]
    pub(crate) fn remove_privs(&self, cred: &Credentials) {
        if self.attributes.has(SET_ID | HAS_CAPABILITY) {
            self.remove_some_privs(cred);
        }
    }

    #[cold]
    fn remove_some_privs(&self, cred: &Credentials) {
        if self.attributes.has(SET_ID) && !cred.capable(Capabilities::FSETID) {
            self.attributes.change(|a| {
                let owner = a.owner();
                a.set_permissions(without_set_id(Mode::from_raw(owner.mode), owner.gid, cred));
            });
        }
        self.kill_capability();
    }
}

/// The mode that chmod sets: set-group-id only for members of the group.
fn allowed_mode(asked: Mode, gid: u32, cred: &Credentials) -> Mode {
    if asked.contains(Mode::SGID) && !cred.in_group(gid) && !cred.capable(Capabilities::FSETID) {
        asked.difference(Mode::SGID)
    } else {
        asked
    }
}

/// The mode without set-user-id, and without set-group-id if the group may execute, or if the caller is no member
/// (`setattr_should_drop_suidgid`).
fn without_set_id(mode: Mode, gid: u32, cred: &Credentials) -> Mode {
    let mut mode = mode.difference(Mode::SUID);
    let member = cred.in_group(gid) || cred.capable(Capabilities::FSETID);
    if mode.contains(Mode::SGID) && (mode.contains(Mode::XGRP) || !member) {
        mode.remove(Mode::SGID);
    }
    mode
}

fn apply_times(a: &mut Change<'_>, change: &SetAttr, now: Timespec) {
    for (stamp, time) in [(Stamp::Access, change.atime), (Stamp::Modify, change.mtime)] {
        match time {
            SetTime::Omit => {}
            SetTime::Now => a.set(stamp, now),
            SetTime::Set(time) => a.set(stamp, time),
        }
    }
}
