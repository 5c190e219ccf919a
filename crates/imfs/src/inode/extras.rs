//! What few inodes have: extended attributes and access lists, in one box that is made when it is first needed.

use super::acl::Acl;
use super::locks::LockSlot;
use super::xattr::{CAPABILITY_NAME, Xattrs};
use super::{Credentials, Inode};
use crate::abi::{Access, Errno, Mode};
use crate::sync::epoch;
use crate::sync::lock::{Mutex, rank};
use crate::sync::refcount::{Evict, Ref, Slot};

impl Evict for Acl {}

/// The rare parts of an inode.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// The access list, if it says more than the mode. Written under `xattrs`, together with the mode.
    pub(crate) access_acl: Slot<Acl>,
    /// What new entries of a directory inherit. Written under `xattrs`.
    pub(crate) default_acl: Slot<Acl>,
    /// The attributes that are stored as they are.
    pub(crate) xattrs: Mutex<Xattrs, { rank::EXTRAS }>,
    /// The locks on the file.
    pub(crate) locks: LockSlot,
}

impl Extras {
    /// The access list as it is to be after chmod(2) to `mode`, if there is one (`posix_acl_chmod`). The caller has
    /// `xattrs` locked.
    pub(super) fn chmod_acl(&self, mode: Mode) -> Result<Option<Ref<Acl>>, Errno> {
        let guard = epoch::pin();
        let Some(old) = self.access_acl.load(&guard) else { return Ok(None) };
        Ref::try_new(old.chmod(mode)?).ok_or(Errno::ENOMEM).map(Some)
    }
}

impl Inode {
    /// Whether mode and access list grant `bits` (`acl_permission_check`).
    #[cold]
    pub(super) fn acl_permission(&self, cred: &Credentials, bits: u32) -> bool {
        let guard = epoch::pin();
        let (owner, acl) =
            self.attributes.owner_and(|| self.extras().and_then(|extras| extras.access_acl.load(&guard)));
        if cred.fsuid == owner.uid {
            return owner.mode >> 6 & bits == bits;
        }
        match acl {
            // A mode without any group bit has a mask that grants nothing: the kernel doesn't ask the list then.
            Some(acl) if owner.mode & 0o070 != 0 => {
                let want = Access::from_bits_retain(bits);
                acl.permission(cred.fsuid, owner.uid, owner.gid, |gid| cred.in_group(gid), want).is_ok()
            }
            _ if cred.in_group(owner.gid) => owner.mode >> 3 & bits == bits,
            _ => owner.mode & bits == bits,
        }
    }

    /// Removes `security.capability`, as a write or a change of owner does (`cap_inode_killpriv`).
    pub(super) fn kill_capability(&self) {
        if let Some(extras) = self.extras() {
            // There seldom is one: no error.
            let _ = extras.xattrs.lock().remove(CAPABILITY_NAME, &*self.sb);
        }
    }

    /// A description of this inode was closed for good: its locks go.
    pub(crate) fn description_closed(&self, description: u64) {
        if let Some(extras) = self.extras() {
            extras.locks.release(&self.sb.locks, description);
        }
    }

    /// A cage closed a descriptor of this inode: its record locks go, whichever descriptor they were set by.
    pub(crate) fn descriptor_closed(&self, cage: u64) {
        if let Some(extras) = self.extras() {
            extras.locks.close(&self.sb.locks, cage);
        }
    }
}
