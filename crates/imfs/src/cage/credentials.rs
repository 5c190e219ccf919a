//! setuid(2), setgid(2), setreuid(2), setresuid(2), setfsuid(2), setgroups(2), and their kin: who the cage is
//! (credentials(7), kernel/sys.c).

use crate::sync::primitives::atomic::Ordering;

use super::Cage;
use crate::abi::{Errno, Result};
use crate::inode::{Capabilities, Credentials, try_groups};
use crate::sync::alloc::try_box;
use crate::sync::epoch;

/// The id that leaves one as it is.
const UNCHANGED: u32 = u32::MAX;
/// The most supplementary groups (`NGROUPS_MAX`).
const NGROUPS_MAX: usize = 65536;
/// The capabilities that follow the file-system user id (`CAP_FS_SET`).
const FILE_CAPABILITIES: Capabilities = Capabilities::CHOWN
    .union(Capabilities::DAC_OVERRIDE)
    .union(Capabilities::DAC_READ_SEARCH)
    .union(Capabilities::FOWNER)
    .union(Capabilities::FSETID)
    .union(Capabilities::MKNOD)
    .union(Capabilities::LINUX_IMMUTABLE);

/// What a change of credentials changes.
#[derive(PartialEq)]
pub(super) enum Changed {
    /// Nothing: the cage is who it was.
    Nothing,
    /// A limit, which is no identity.
    Limit,
    /// Who the cage is, though it may be called the same.
    Identity,
}

impl Cage {
    /// Who the cage is now.
    ///
    /// # Errors
    /// ESRCH: the cage has exited. ENOMEM
    pub fn credentials(&self) -> Result<Credentials> {
        self.cred(&epoch::pin())?.try_clone()
    }

    /// Makes the cage somebody else, whatever the rules: for doors, which know who their caller is. The limit of file
    /// sizes stays.
    ///
    /// # Errors
    /// ESRCH, ENOMEM
    pub fn set_credentials(&self, credentials: Credentials) -> Result<()> {
        self.change_credentials(|cred| {
            *cred = Credentials { fsize: cred.fsize, ..credentials };
            Ok(Changed::Identity)
        })
    }

    /// setuid(2).
    ///
    /// # Errors
    /// EINVAL, EPERM
    pub fn setuid(&self, uid: u32) -> Result<()> {
        valid(uid)?;
        self.change_uids(|cred| {
            if cred.capable(Capabilities::SETUID) {
                (cred.uid, cred.suid) = (uid, uid);
            } else if uid != cred.uid && uid != cred.suid {
                return Err(Errno::EPERM);
            }
            cred.euid = uid;
            Ok(Changed::Identity)
        })
    }

    /// setgid(2).
    ///
    /// # Errors
    /// EINVAL, EPERM
    pub fn setgid(&self, gid: u32) -> Result<()> {
        valid(gid)?;
        self.change_gids(|cred| {
            if cred.capable(Capabilities::SETGID) {
                (cred.gid, cred.sgid) = (gid, gid);
            } else if gid != cred.gid && gid != cred.sgid {
                return Err(Errno::EPERM);
            }
            cred.egid = gid;
            Ok(Changed::Identity)
        })
    }

    /// setreuid(2).
    ///
    /// # Errors
    /// EPERM
    pub fn setreuid(&self, ruid: u32, euid: u32) -> Result<()> {
        self.change_uids(|cred| {
            let old = (cred.uid, cred.euid, cred.suid);
            let capable = cred.capable(Capabilities::SETUID);
            if !(capable || ruid == UNCHANGED || ruid == old.0 || ruid == old.1) {
                return Err(Errno::EPERM);
            }
            if !(capable || euid == UNCHANGED || [old.0, old.1, old.2].contains(&euid)) {
                return Err(Errno::EPERM);
            }
            cred.uid = or(ruid, old.0);
            cred.euid = or(euid, old.1);
            if ruid != UNCHANGED || (euid != UNCHANGED && euid != old.0) {
                cred.suid = cred.euid;
            }
            Ok(Changed::Identity)
        })
    }

    /// setregid(2).
    ///
    /// # Errors
    /// EPERM
    pub fn setregid(&self, rgid: u32, egid: u32) -> Result<()> {
        self.change_gids(|cred| {
            let old = (cred.gid, cred.egid, cred.sgid);
            let capable = cred.capable(Capabilities::SETGID);
            if !(capable || rgid == UNCHANGED || rgid == old.0 || rgid == old.1) {
                return Err(Errno::EPERM);
            }
            if !(capable || egid == UNCHANGED || [old.0, old.1, old.2].contains(&egid)) {
                return Err(Errno::EPERM);
            }
            cred.gid = or(rgid, old.0);
            cred.egid = or(egid, old.1);
            if rgid != UNCHANGED || (egid != UNCHANGED && egid != old.0) {
                cred.sgid = cred.egid;
            }
            Ok(Changed::Identity)
        })
    }

    /// setresuid(2). When it would leave all as it is, it leaves the file-system id as well.
    ///
    /// # Errors
    /// EPERM
    pub fn setresuid(&self, ruid: u32, euid: u32, suid: u32) -> Result<()> {
        self.change_uids(|cred| {
            let old = [cred.uid, cred.euid, cred.suid];
            if same_ids([ruid, euid, suid], old, cred.fsuid) {
                return Ok(Changed::Nothing);
            }
            may_become(&[ruid, euid, suid], &old, cred.capable(Capabilities::SETUID))?;
            (cred.uid, cred.euid, cred.suid) = (or(ruid, old[0]), or(euid, old[1]), or(suid, old[2]));
            Ok(Changed::Identity)
        })
    }

    /// setresgid(2). When it would leave all as it is, it leaves the file-system id as well.
    ///
    /// # Errors
    /// EPERM
    pub fn setresgid(&self, rgid: u32, egid: u32, sgid: u32) -> Result<()> {
        self.change_gids(|cred| {
            let old = [cred.gid, cred.egid, cred.sgid];
            if same_ids([rgid, egid, sgid], old, cred.fsgid) {
                return Ok(Changed::Nothing);
            }
            may_become(&[rgid, egid, sgid], &old, cred.capable(Capabilities::SETGID))?;
            (cred.gid, cred.egid, cred.sgid) = (or(rgid, old[0]), or(egid, old[1]), or(sgid, old[2]));
            Ok(Changed::Identity)
        })
    }

    /// setfsuid(2): returns the old id, whether or not it could be changed.
    ///
    /// # Errors
    /// ESRCH, ENOMEM
    pub fn setfsuid(&self, fsuid: u32) -> Result<u32> {
        let mut old = 0;
        self.change_credentials(|cred| {
            old = cred.fsuid;
            let own = [cred.uid, cred.euid, cred.suid, cred.fsuid].contains(&fsuid);
            if [UNCHANGED, old].contains(&fsuid) || !(own || cred.capable(Capabilities::SETUID)) {
                return Ok(Changed::Nothing);
            }
            cred.fsuid = fsuid;
            follow_fsuid(cred, old);
            Ok(Changed::Identity)
        })?;
        Ok(old)
    }

    /// setfsgid(2): returns the old id, whether or not it could be changed.
    ///
    /// # Errors
    /// ESRCH, ENOMEM
    pub fn setfsgid(&self, fsgid: u32) -> Result<u32> {
        let mut old = 0;
        self.change_credentials(|cred| {
            old = cred.fsgid;
            let own = [cred.gid, cred.egid, cred.sgid, cred.fsgid].contains(&fsgid);
            if [UNCHANGED, old].contains(&fsgid) || !(own || cred.capable(Capabilities::SETGID)) {
                return Ok(Changed::Nothing);
            }
            cred.fsgid = fsgid;
            Ok(Changed::Identity)
        })?;
        Ok(old)
    }

    /// setgroups(2).
    ///
    /// # Errors
    /// EINVAL (too many), EPERM, ENOMEM
    pub fn setgroups(&self, groups: &[u32]) -> Result<()> {
        self.change_credentials(|cred| {
            if !cred.capable(Capabilities::SETGID) {
                return Err(Errno::EPERM);
            }
            if groups.len() > NGROUPS_MAX {
                return Err(Errno::EINVAL);
            }
            cred.groups = try_groups(groups)?;
            Ok(Changed::Identity)
        })
    }

    /// A change of user ids, with what follows from it: the file-system id becomes the effective one, and capabilities
    /// come and go with root (`cap_emulate_setxuid`).
    fn change_uids(&self, change: impl FnOnce(&mut Credentials) -> Result<Changed>) -> Result<()> {
        self.change_credentials(|cred| {
            let old = [cred.uid, cred.euid, cred.suid];
            if change(cred)? == Changed::Nothing {
                return Ok(Changed::Nothing);
            }
            cred.fsuid = cred.euid;
            if old.contains(&0) && ![cred.uid, cred.euid, cred.suid].contains(&0) {
                cred.permitted = Capabilities::empty();
                cred.effective = Capabilities::empty();
            }
            if old[1] == 0 && cred.euid != 0 {
                cred.effective = Capabilities::empty();
            }
            if old[1] != 0 && cred.euid == 0 {
                cred.effective = cred.permitted;
            }
            Ok(Changed::Identity)
        })
    }

    fn change_gids(&self, change: impl FnOnce(&mut Credentials) -> Result<Changed>) -> Result<()> {
        self.change_credentials(|cred| {
            let changed = change(cred)?;
            if changed == Changed::Identity {
                cred.fsgid = cred.egid;
            }
            Ok(changed)
        })
    }

    /// Replaces the credentials by a changed copy, or by nothing if `change` fails or changes nothing.
    pub(super) fn change_credentials(
        &self,
        change: impl FnOnce(&mut Credentials) -> Result<Changed>,
    ) -> Result<()> {
        let guard = epoch::pin();
        let lock = self.change.lock();
        let mut new = self.cred(&guard)?.try_clone()?;
        let changed = change(&mut new)?;
        if changed == Changed::Nothing {
            return Ok(());
        }
        let replaced = self.credentials.replace(Some(try_box(new).ok_or(Errno::ENOMEM)?), 0, &guard);
        if changed == Changed::Identity {
            self.identity.store(self.tree.sb.new_identity(), Ordering::Release);
        }
        drop(lock);
        drop(replaced);
        Ok(())
    }
}

fn valid(id: u32) -> Result<()> {
    if id == UNCHANGED { Err(Errno::EINVAL) } else { Ok(()) }
}

fn or(new: u32, old: u32) -> u32 {
    if new == UNCHANGED { old } else { new }
}

/// Whether real, effective and saved id stay as they are; one who names the effective id means the file-system id, too.
fn same_ids(new: [u32; 3], old: [u32; 3], fs: u32) -> bool {
    let same = |i: usize| new[i] == UNCHANGED || new[i] == old[i];
    same(0) && same(1) && same(2) && (new[1] == UNCHANGED || fs == old[1])
}

fn may_become(new: &[u32], old: &[u32], capable: bool) -> Result<()> {
    if capable || new.iter().all(|id| *id == UNCHANGED || old.contains(id)) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Capabilities for files go when the file-system user id leaves 0, and come back with it (`cap_task_fix_setuid`).
fn follow_fsuid(cred: &mut Credentials, old: u32) {
    if old == 0 && cred.fsuid != 0 {
        cred.effective -= FILE_CAPABILITIES;
    }
    if old != 0 && cred.fsuid == 0 {
        cred.effective |= cred.permitted & FILE_CAPABILITIES;
    }
}
