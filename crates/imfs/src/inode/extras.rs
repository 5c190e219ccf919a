//! What few inodes have: extended attributes and access lists, in one box that is made when it is first needed.

use super::acl::Acl;
use super::attributes::HAS_CAPABILITY;
use super::locks::{Caller, LockSlot};
use super::xattr::{CAPABILITY_NAME, Xattrs};
use super::{Credentials, Inode};
use crate::abi::{Access, Errno, Flock, FlockOp, Mode, fcntl};
use crate::sync::epoch;
use crate::sync::lock::{Mutex, rank};
use crate::sync::refcount::{Evict, Ref, Slot};
use crate::sync::wait::Interrupts;

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
        if self.attributes.has(HAS_CAPABILITY)
            && let Some(extras) = self.extras()
        {
            let mut xattrs = extras.xattrs.lock();
            // If another thread was faster, there is none.
            let _ = xattrs.remove(CAPABILITY_NAME, &*self.sb);
            self.attributes.change(|a| a.set_flag(HAS_CAPABILITY, false));
        }
    }

    /// Sets a record lock (`F_SETLK` and its kin of fcntl(2)): see [`LockSlot::set`]. May wait.
    ///
    /// # Errors
    /// EBADF, EINVAL, EOVERFLOW, EAGAIN, EDEADLK, EINTR, ENOLCK, ENOMEM
    pub fn setlk(
        &self,
        caller: &Caller,
        command: i32,
        lock: &Flock,
        interrupts: &Interrupts,
    ) -> Result<(), Errno> {
        let unlocks = lock.kind == fcntl::F_UNLCK;
        self.with_locks(unlocks, |locks| locks.set(&self.sb.locks, caller, command, lock, interrupts))
    }

    /// Asks for the first record lock in the way (`F_GETLK` and `F_OFD_GETLK` of fcntl(2)): see [`LockSlot::get`].
    ///
    /// # Errors
    /// EINVAL, EOVERFLOW
    pub fn getlk(&self, caller: &Caller, command: i32, lock: &mut Flock) -> Result<(), Errno> {
        self.with_locks(true, |locks| locks.get(caller, command, lock))
    }

    /// flock(2) on an open file description: see [`LockSlot::flock`]. May wait.
    ///
    /// # Errors
    /// EINVAL, EWOULDBLOCK, EINTR, ENOLCK, ENOMEM
    pub fn flock(&self, description: u64, operation: FlockOp, interrupts: &Interrupts) -> Result<(), Errno> {
        let unlocks = operation.contains(FlockOp::UN);
        self.with_locks(unlocks, |locks| locks.flock(description, operation, interrupts))
    }

    /// Calls `act` with the locks of the inode; where there are none and none is asked for, with an empty place.
    fn with_locks<R>(
        &self,
        only_looks: bool,
        act: impl FnOnce(&LockSlot) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        match self.extras() {
            Some(extras) => act(&extras.locks),
            None if only_looks => act(&LockSlot::new()),
            None => act(&self.make_extras()?.locks),
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
