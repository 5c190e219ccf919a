//! The locks that callers put on files: fcntl(2) record locks, the same owned by open file descriptions, and flock(2).
//!
//! Responsible for their rules as in `fs/locks.c`, for waiting until a lock can be had, and for telling deadlocks.
//! It must not know descriptors, paths, or what an inode is: an inode has a [`LockSlot`], an instance a
//! [`LockTable`], and the cage layer says in a [`Caller`] who asks. Called by `cage` (fcntl, flock, each close) and
//! by doors that forward locks.
//!
//! Locks are advisory: nothing else looks at them. In the lock order a file's state (`EXTRAS`) comes before the graph
//! of the table (`DEADLOCK`).

mod flock;
mod range;
mod record;
mod table;

#[cfg(all(test, target_os = "linux", not(miri)))]
mod kernel_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

use crate::sync::primitives::atomic::{AtomicUsize, Ordering};
use std::sync::OnceLock;

use crate::abi::{Errno, Flock, FlockOp, LockKind, OFlags, Result, Whence, fcntl};
use crate::sync::alloc::try_box;
use crate::sync::lock::{Mutex, MutexGuard, rank};
use crate::sync::wait::{Blocked, Interrupts, Turn, WaitQueue};

pub use flock::flock_request;
pub use range::Range;
pub use record::Owner;
pub use table::LockTable;

use flock::Flocks;
use record::{Conflict, Record, Records};
use table::Edge;

/// Who asks for a record lock, and by which descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The cage: the owner of traditional locks.
    pub cage: u64,
    /// What `F_GETLK` tells others about this cage's locks.
    pub pid: i32,
    /// The open file description: the owner of `F_OFD_*` locks.
    pub description: u64,
    /// The access mode of the description.
    pub access: OFlags,
    /// Its offset, which `SEEK_CUR` counts from.
    pub pos: i64,
    /// The size of the file, which `SEEK_END` counts from.
    pub size: i64,
}

/// The place of a file's locks: empty, and as good as free, until the first lock.
#[derive(Debug, Default)]
pub struct LockSlot(OnceLock<Box<FileLocks>>);

#[derive(Debug, Default)]
struct FileLocks {
    state: Mutex<State, { rank::EXTRAS }>,
    /// Who waits for a record lock.
    record_queue: WaitQueue,
    /// Who waits for a lock of flock(2).
    flock_queue: WaitQueue,
    /// How many of the table's waits are for this file; grows only under the lock of `state`. The queue's own count
    /// will not do: who was woken is no longer counted there, but still waits as the table sees it.
    waits: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    flocks: Flocks,
}

type StateGuard<'a> = MutexGuard<'a, State, { rank::EXTRAS }>;

/// A checked request for a record lock.
#[derive(Clone, Copy, Debug)]
struct Request {
    owner: Owner,
    pid: i32,
    record: Record,
}

impl LockSlot {
    /// A file without locks.
    pub const fn new() -> LockSlot {
        LockSlot(OnceLock::new())
    }

    /// `F_SETLK`, `F_SETLKW`, `F_OFD_SETLK` and `F_OFD_SETLKW` of fcntl(2): the kernel's `fcntl_setlk`.
    ///
    /// After a traditional lock was got, the cage layer must look whether its descriptor still names this
    /// description, and if not call [`close`](LockSlot::close) and answer `EBADF`: a close that came between has
    /// found no lock to remove.
    ///
    /// `EINVAL`: a bad type, whence or range, or a pid in a lock of the description. `EOVERFLOW`: the range reaches
    /// too far. `EBADF`: the description is not open for what the lock is for. `EAGAIN`: another owner is in the way.
    /// `EDEADLK`: waiting would never end. `EINTR`: the wait was interrupted. `ENOLCK`: too many locks, or no memory
    /// for one. `ENOMEM`: no memory to wait.
    pub fn set(
        &self,
        table: &LockTable,
        caller: &Caller,
        command: i32,
        lock: &Flock,
        interrupts: &Interrupts,
    ) -> Result<()> {
        let record = caller.record(lock)?;
        match record.kind {
            LockKind::Read if !caller.access.readable() => return Err(Errno::EBADF),
            LockKind::Write if !caller.access.writable() => return Err(Errno::EBADF),
            _ => {}
        }
        let request = caller.request(command, lock, record)?;
        let waits = matches!(command, fcntl::F_SETLKW | fcntl::F_OFD_SETLKW);
        match self.file_for(record.kind)? {
            Some(file) => file.set(table, &request, waits.then_some(interrupts)),
            None => Ok(()),
        }
    }

    /// `F_GETLK` and `F_OFD_GETLK` of fcntl(2), the kernel's `fcntl_getlk`: puts the first lock in the way in `lock`,
    /// or `F_UNLCK` in its type if there is none. `F_OFD_GETLK` of `F_UNLCK` asks for a lock of the description
    /// itself.
    ///
    /// `EINVAL`: a bad type, whence or range, or a pid for `F_OFD_GETLK`. `EOVERFLOW`: the range reaches too far.
    pub fn get(&self, caller: &Caller, command: i32, lock: &mut Flock) -> Result<()> {
        if command == fcntl::F_GETLK && !matches!(lock.kind, fcntl::F_RDLCK | fcntl::F_WRLCK) {
            return Err(Errno::EINVAL);
        }
        let record = caller.record(lock)?;
        let request = caller.request(command, lock, record)?;
        match self.0.get().and_then(|file| file.state.lock().records.conflict(request.owner, record)) {
            Some(conflict) => *lock = conflict.flock(),
            None => lock.kind = fcntl::F_UNLCK,
        }
        Ok(())
    }

    /// flock(2) on an open file description.
    ///
    /// `EINVAL`: no such operation. `EWOULDBLOCK`: another description is in the way. `EINTR`: the wait was
    /// interrupted. `ENOLCK`: no memory for the lock. `ENOMEM`: no memory to wait.
    pub fn flock(&self, description: u64, operation: FlockOp, interrupts: &Interrupts) -> Result<()> {
        let (kind, waits) = flock_request(operation)?;
        match self.file_for(kind)? {
            Some(file) => file.flock(description, kind, waits.then_some(interrupts)),
            None => Ok(()),
        }
    }

    /// A cage closed a descriptor of the file: all its traditional locks on it go, whichever descriptor they were set
    /// by (the kernel's `locks_remove_posix`).
    pub fn close(&self, table: &LockTable, cage: u64) {
        if let Some(file) = self.0.get() {
            file.unlock_all(table, Owner::Cage(cage));
        }
    }

    /// An open file description ends: its record locks and its lock of flock(2) go (`locks_remove_file`).
    pub fn release(&self, table: &LockTable, description: u64) {
        if let Some(file) = self.0.get() {
            file.unlock_all(table, Owner::Description(description));
            // It cannot fail or have to wait: nothing is asked for.
            let _ = file.try_flock(description, LockKind::Unlock);
        }
    }

    /// The locks of the file, made now unless there is nothing to unlock.
    fn file_for(&self, kind: LockKind) -> Result<Option<&FileLocks>> {
        if self.0.get().is_none() && kind != LockKind::Unlock {
            // If another thread is faster, its locks stay and these are dropped.
            let _ = self.0.set(try_box(FileLocks::default()).ok_or(Errno::ENOLCK)?);
        }
        Ok(self.0.get().map(|file| &**file))
    }
}

impl Caller {
    /// The lock that is asked for. Type comes after range, as in the kernel.
    fn record(&self, lock: &Flock) -> Result<Record> {
        let range = Range::from_flock(lock, self.pos, self.size)?;
        let kind = LockKind::from_raw(lock.kind).ok_or(Errno::EINVAL)?;
        Ok(Record { kind, range })
    }

    /// Who asks for it, which the command decides.
    fn request(&self, command: i32, lock: &Flock, record: Record) -> Result<Request> {
        let owner = match command {
            fcntl::F_GETLK | fcntl::F_SETLK | fcntl::F_SETLKW => Owner::Cage(self.cage),
            fcntl::F_OFD_GETLK | fcntl::F_OFD_SETLK | fcntl::F_OFD_SETLKW if lock.pid == 0 => {
                Owner::Description(self.description)
            }
            _ => return Err(Errno::EINVAL),
        };
        Ok(Request { owner, pid: self.pid, record })
    }
}

impl Conflict {
    /// What `F_GETLK` answers. A description has no pid.
    fn flock(&self) -> Flock {
        let Record { kind, range } = self.record;
        let pid = if matches!(self.owner, Owner::Cage(_)) { self.pid } else { -1 };
        Flock {
            kind: kind as i16,
            whence: Whence::Set as i16,
            start: range.start,
            len: range.flock_len(),
            pid,
        }
    }
}

impl FileLocks {
    fn set(&self, table: &LockTable, request: &Request, waits: Option<&Interrupts>) -> Result<()> {
        let state = self.state.lock();
        if state.conflict(request).is_none() {
            return self.change(state, table, request);
        }
        drop(state);
        let mut blocked = Blocked::start(waits.ok_or(Errno::EAGAIN)?, None)?;
        let mut edge = Edge::new(table, &self.waits);
        loop {
            let place = blocked.stand(&self.record_queue, Turn::All)?;
            let state = self.state.lock();
            match state.conflict(request) {
                None => return self.change(state, table, request),
                Some(conflict) => {
                    edge.wait(request.owner, conflict.owner, self.address(), request.record.range)?
                }
            }
            drop(state);
            blocked.sleep()?;
            drop(place);
        }
    }

    /// Changes the locks, there being no conflict, and lets those try again who wait for what was given up.
    fn change(&self, mut state: StateGuard<'_>, table: &LockTable, request: &Request) -> Result<()> {
        // Unlocking the whole file needs no room, so the last close stays off the table.
        let whole = request.record == Record { kind: LockKind::Unlock, range: Range::WHOLE };
        let room = if whole { 0 } else { table.take(2) };
        let change = state.records.apply(request.owner, request.pid, request.record, room);
        table.settle(room, change.map_or(0, |change| change.grown));
        if change?.loosened {
            if self.waits.load(Ordering::Relaxed) != 0 {
                table.loosened(request.owner, self.address(), request.record.range);
            }
            drop(state);
            self.record_queue.wake_all();
        }
        Ok(())
    }

    fn unlock_all(&self, table: &LockTable, owner: Owner) {
        let record = Record { kind: LockKind::Unlock, range: Range::WHOLE };
        // It cannot fail: nothing is split or added.
        let _ = self.change(self.state.lock(), table, &Request { owner, pid: 0, record });
    }

    fn flock(&self, description: u64, kind: LockKind, waits: Option<&Interrupts>) -> Result<()> {
        if self.try_flock(description, kind)? {
            return Ok(());
        }
        let mut blocked = Blocked::start(waits.ok_or(Errno::EWOULDBLOCK)?, None)?;
        blocked.wait_until(&self.flock_queue, || match self.try_flock(description, kind) {
            Ok(done) => done.then_some(Ok(())),
            Err(error) => Some(Err(error)),
        })?
    }

    /// Whether the description has what it asked for.
    fn try_flock(&self, description: u64, kind: LockKind) -> Result<bool> {
        let outcome = self.state.lock().flocks.apply(description, kind)?;
        if outcome.loosened {
            self.flock_queue.wake_all();
        }
        Ok(outcome.done)
    }

    /// Tells the files of an instance apart, in the graph of waits.
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl State {
    /// What stands in the way. Unlocking is never in conflict.
    fn conflict(&self, request: &Request) -> Option<Conflict> {
        match request.record.kind {
            LockKind::Unlock => None,
            _ => self.records.conflict(request.owner, request.record),
        }
    }
}
