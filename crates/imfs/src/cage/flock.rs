//! flock(2), and the record locks of fcntl(2). The rules, and the waiting, are those of [`locks`](crate::inode::locks).
//!
//! A call that may wait holds its description, and no guard.

use super::Cage;
use super::description::Description;
use crate::abi::{Errno, Flock, FlockOp, LockKind, Result, Whence, fcntl};
use crate::inode::Inode;
use crate::inode::locks::{Caller, flock_request};
use crate::sync::epoch;
use crate::sync::refcount::Ref;

/// `LOCK_MAND`: share modes, which Linux gave up.
const MAND: FlockOp = FlockOp::from_bits_retain(32);

/// An open file that stays open during the call.
struct Held {
    description: Ref<Description>,
    inode: Ref<Inode>,
}

impl Cage {
    /// Locks an open file description against others, or unlocks it. Waits, unless `LOCK_NB`.
    ///
    /// # Errors
    /// EINVAL: no such operation. EBADF: not open for reading or writing. EWOULDBLOCK: another has it. EINTR, ENOLCK,
    /// ENOMEM
    pub fn flock(&self, fd: i32, operation: FlockOp) -> Result<()> {
        if operation.intersects(MAND) {
            return Ok(());
        }
        let (kind, _) = flock_request(operation)?;
        let held = self.held(fd)?;
        let flags = held.description.flags();
        if kind != LockKind::Unlock && !(flags.readable() || flags.writable()) {
            return Err(Errno::EBADF);
        }
        held.inode.flock(held.description.id(), operation, &self.interrupts)
    }

    /// `F_SETLK`, `F_SETLKW`, `F_OFD_SETLK` and `F_OFD_SETLKW` of fcntl(2): locks a range of a file, or unlocks it.
    ///
    /// # Errors
    /// EBADF: not open, or not for what the lock is for. EINVAL: a bad type, whence or range, or another command.
    /// EOVERFLOW: the range reaches too far. EAGAIN: another has it. EDEADLK: waiting would never end. EINTR, ENOLCK,
    /// ENOMEM
    pub fn setlk(&self, fd: i32, command: i32, lock: &Flock) -> Result<()> {
        let held = self.held(fd)?;
        let caller = self.caller(&held, lock);
        held.inode.setlk(&caller, command, lock, &self.interrupts)?;
        let traditional = matches!(command, fcntl::F_SETLK | fcntl::F_SETLKW);
        if traditional && lock.kind != fcntl::F_UNLCK && !self.still_names(fd, &held) {
            self.take_back(&held, &caller, lock);
            return Err(Errno::EBADF);
        }
        Ok(())
    }

    /// Removes a lock that was set while its descriptor was being closed: that close found no lock to remove. The rest
    /// may be locked by another descriptor since.
    #[cold]
    fn take_back(&self, held: &Held, caller: &Caller, lock: &Flock) {
        let unlock = Flock { kind: fcntl::F_UNLCK, ..*lock };
        if held.inode.setlk(caller, fcntl::F_SETLK, &unlock, &self.interrupts).is_err() {
            // There is no memory to split another lock of the cage around it.
            held.inode.descriptor_closed(self.id);
        }
    }

    /// `F_GETLK` and `F_OFD_GETLK` of fcntl(2): puts the first lock in the way into `lock`, or `F_UNLCK` into its type.
    ///
    /// # Errors
    /// EBADF; EINVAL: a bad type, whence or range, or another command. EOVERFLOW: the range reaches too far.
    pub fn getlk(&self, fd: i32, command: i32, lock: &mut Flock) -> Result<()> {
        let held = self.held(fd)?;
        held.inode.getlk(&self.caller(&held, lock), command, lock)
    }

    fn held(&self, fd: i32) -> Result<Held> {
        let description = self.table.hold(fd)?;
        let guard = epoch::pin();
        let inode = description.opened(&guard)?.upgrade().ok_or(Errno::EBADF)?;
        Ok(Held { description, inode })
    }

    fn caller(&self, held: &Held, lock: &Flock) -> Caller {
        let from_offset = i32::from(lock.whence) == Whence::Cur.raw();
        Caller {
            cage: self.id,
            pid: self.id as i32,
            description: held.description.id(),
            access: held.description.flags(),
            pos: if from_offset { *held.description.offset() as i64 } else { 0 },
            size: held.inode.attributes.size() as i64,
        }
    }

    fn still_names(&self, fd: i32, held: &Held) -> bool {
        let guard = epoch::pin();
        self.table.get(fd, &guard).is_ok_and(|now| now.same(held.description.share(&guard)))
    }
}
