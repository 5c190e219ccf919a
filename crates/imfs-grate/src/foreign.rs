//! Descriptors that are not IMFS's: 0 to 2, sockets, whatever the runtime itself opened.
//!
//! They share one number space with IMFS's: a foreign descriptor has the same number in the runtime's table of the cage
//! and, as a place that is taken, in IMFS's. So a call with a foreign descriptor is forwarded as it is. What makes new foreign
//! descriptors passes through here, to be moved to a number that is free on both sides.

use std::sync::Mutex;
use std::time::Duration;

use imfs::abi::{Errno, FdFlags, OFlags, PollFlags, Result};
use imfs::{Cage, Foreign};

use crate::call::{Call, Class};
use crate::lind::{self, number};
use crate::process::{self, CROWD};

/// The kind of descriptors that the runtime answers for.
const RUNTIME: u64 = 1;

/// The descriptors that a new cage has in the runtime's table: the standard ones, and what it was started with.
///
/// # Errors
/// ENOMEM, ENFILE
pub(crate) fn add_inherited(cage: &Cage, id: u64) -> Result<()> {
    const STANDARD: i32 = 3;
    /// Whoever starts programs with more is not expected here.
    const LIKELY: i32 = 16;
    const F_GETFD: u64 = 1;
    for fd in 0..LIKELY {
        let args = [u64::from(fd.cast_unsigned()), F_GETFD, 0, 0, 0, 0];
        if fd < STANDARD || lind::call_for(id, number::FCNTL, args).is_ok() {
            cage.add_foreign(entry(fd), fd, false)?;
        }
    }
    Ok(())
}

fn entry(fd: i32) -> Foreign {
    Foreign { kind: RUNTIME, number: u64::from(fd.unsigned_abs()), close: None }
}

/// Whether a descriptor is the runtime's.
pub(crate) fn is_foreign(cage: &Cage, fd: i32) -> bool {
    matches!(cage.foreign(fd), Ok(Some(_)))
}

/// Whether a call is about foreign descriptors only.
pub(crate) fn concerns(call: &Call<'_>) -> bool {
    let mut fds = call.shape.kinds.iter().zip(call.args).filter(|(kind, _)| **kind == Class::Descriptor);
    let mut any = false;
    let all = fds.all(|(_, arg)| {
        any = true;
        is_foreign(call.cage(), arg.0 as i32)
    });
    any && all
}

/// What a call on a foreign descriptor waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaited {
    fd: i32,
    /// When the call is likely not to wait; empty if that cannot be asked.
    events: PollFlags,
}

impl Awaited {
    pub(crate) fn new(fd: i32, events: PollFlags) -> Self {
        Self { fd, events }
    }

    /// Whether the call seems to be back at once: it finds something, or does not want to wait.
    fn is_near(self, caller: u64) -> bool {
        const F_GETFL: u64 = 3;
        let fd = u64::from(self.fd.cast_unsigned());
        let flags = || lind::call_for(caller, number::FCNTL, [fd, F_GETFL, 0, 0, 0, 0]);
        self.events.is_empty()
            || !ready(caller, fd, self.events).is_empty()
            || flags().is_ok_and(|flags| flags & OFlags::NONBLOCK.bits() != 0)
    }
}

/// Lets the runtime answer a call about a foreign descriptor, which holds its worker while it waits there.
///
/// # Errors
/// EINTR: there is no room for one more that waits.
pub(crate) fn forward(call: &Call<'_>) -> Result<i32> {
    let Some(events) = call.shape.waits else { return Ok(call.forward()) };
    wait(call.caller(), Awaited::new(call.fd(0), events), || call.forward())
}

/// Makes a call of the runtime that may wait there for as long as it takes. It counts among the calls that wait; when
/// there is no more room for these, it is made only if it seems not to wait, and one such call at a time: another who
/// takes what it found may make it wait after all.
///
/// # Errors
/// EINTR: there is no room.
pub(crate) fn wait<R>(caller: u64, awaited: Awaited, run: impl FnOnce() -> R) -> Result<R> {
    const PIECE: Duration = Duration::from_millis(2);
    static LAST: Mutex<()> = Mutex::new(());
    let stay = CROWD.enter();
    let Some(mut patience) = stay.patience() else { return Ok(run()) };
    loop {
        if awaited.is_near(caller)
            && let Ok(_last) = LAST.try_lock()
        {
            return Ok(run());
        }
        if patience.is_zero() {
            return Err(Errno::EINTR);
        }
        std::thread::sleep(PIECE);
        patience = patience.saturating_sub(PIECE);
    }
}

/// Asks the runtime what a descriptor is ready for, without waiting.
pub(crate) fn ready(caller: u64, fd: u64, events: PollFlags) -> PollFlags {
    let mut record = [0_u8; 8];
    record[..4].copy_from_slice(&(fd as u32).to_le_bytes());
    record[4..6].copy_from_slice(&events.bits().to_le_bytes());
    match lind::call_for(caller, number::POLL, [lind::host(record.as_mut_ptr()), 1, 0, 0, 0, 0]) {
        Ok(0) => PollFlags::empty(),
        Ok(_) => PollFlags::from_bits_retain(u16::from_le_bytes([record[6], record[7]])),
        // It knows no poll for this: as a regular file, which is always ready.
        Err(_) => events & (PollFlags::IN | PollFlags::OUT | PollFlags::RDNORM | PollFlags::WRNORM),
    }
}

/// Takes a number in IMFS's table, from `from` on.
fn reserve(cage: &Cage, from: i32, cloexec: bool) -> Result<i32> {
    let fd = cage.add_foreign(entry(0), from, cloexec)?;
    // Its entry has to know its number, which is known only now.
    rename(cage, fd, cloexec).inspect_err(|_| discard(cage, fd))?;
    Ok(fd)
}

/// Gives a number back that came to nothing.
fn discard(cage: &Cage, fd: i32) {
    let _ = cage.close(fd);
}

/// The foreign descriptors in a range of numbers.
pub(crate) fn in_range(cage: &Cage, first: u32, last: u32) -> Vec<i32> {
    /// No runtime has more for one cage.
    const MOST: u32 = 1 << 16;
    (first..=last.min(MOST)).map(u32::cast_signed).filter(|fd| is_foreign(cage, *fd)).collect()
}

/// Closes descriptors in the runtime's table, now or at exec.
pub(crate) fn close_all(caller: u64, fds: &[i32], at_exec: bool) {
    const F_SETFD: u64 = 2;
    for fd in fds.iter().map(|fd| u64::from(fd.cast_unsigned())) {
        let _ = match at_exec {
            true => lind::call_for(caller, number::FCNTL, [fd, F_SETFD, 1, 0, 0, 0]),
            false => lind::call_for(caller, number::CLOSE, [fd, 0, 0, 0, 0, 0]),
        };
    }
}

/// Makes `fd` of IMFS's table stand for the same number of the runtime's, in one step.
fn rename(cage: &Cage, fd: i32, cloexec: bool) -> Result<()> {
    let placed = cage.add_foreign(entry(fd), 0, cloexec)?;
    let renamed = cage.dup2(placed, fd);
    cage.close(placed)?;
    renamed?;
    if cloexec { cage.setfd(fd, FdFlags::CLOEXEC) } else { Ok(()) }
}

/// Gives a descriptor that the runtime just made its number in both tables.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM; then it is closed again.
fn settle(call: &Call<'_>, fd: u32, cloexec: bool) -> Result<i32> {
    let caller = call.caller();
    let close = |fd: u64| {
        let _ = lind::call_for(caller, number::CLOSE, [fd, 0, 0, 0, 0, 0]);
    };
    let ours = reserve(call.cage(), 0, cloexec).inspect_err(|_| close(fd.into()))?;
    if ours.cast_unsigned() != fd {
        let moved = move_to(caller, fd, ours, cloexec);
        close(fd.into());
        moved.inspect_err(|_| discard(call.cage(), ours))?;
    }
    Ok(ours)
}

/// dup2 in the runtime's table.
fn move_to(caller: u64, from: u32, to: i32, cloexec: bool) -> Result<()> {
    const F_SETFD: u64 = 2;
    let to = u64::from(to.cast_unsigned());
    lind::call_for(caller, number::DUP2, [from.into(), to, 0, 0, 0, 0])?;
    if cloexec {
        lind::call_for(caller, number::FCNTL, [to, F_SETFD, 1, 0, 0, 0])?;
    }
    Ok(())
}

/// Forwards a call that makes a descriptor.
///
/// # Errors
/// Those of the runtime, and of [`settle`]; EINTR as [`forward`]
pub(crate) fn create(call: &Call<'_>, cloexec: bool) -> Result<i32> {
    // The call itself may wait (accept): not under the lock.
    let made = lind::result(forward(call)?)?;
    let _numbering = process::lock(&call.process.numbering);
    settle(call, made, cloexec)
}

/// Forwards socketpair(2), and puts the numbers into the caller's memory.
///
/// # Errors
/// As [`create`]
pub(crate) fn create_pair(call: &Call<'_>, cloexec: bool, to: crate::memory::Place) -> Result<()> {
    let _numbering = process::lock(&call.process.numbering);
    lind::result(call.forward())?;
    let made = to.get::<8>()?;
    let made = [0, 1].map(|n| u32::from_le_bytes(made.as_chunks::<4>().0[n]));
    let (cage, caller) = (call.cage(), call.caller());
    let first = reserve(cage, 0, cloexec)?;
    let second = reserve(cage, 0, cloexec).inspect_err(|_| discard(cage, first))?;
    let ends = [first, second];
    // One's new number may be the other's present one: both go out of the way first.
    let away = made.map(|fd| move_away(caller, fd, second + 1));
    for (away, end) in away.into_iter().zip(ends) {
        let moved = away.and_then(|fd| {
            let moved = move_to(caller, fd, end, cloexec);
            let _ = lind::call_for(caller, number::CLOSE, [fd.into(), 0, 0, 0, 0, 0]);
            moved
        });
        moved.inspect_err(|_| ends.iter().for_each(|end| discard(cage, *end)))?;
    }
    to.put(ends.map(i32::to_le_bytes).as_flattened())
}

/// Gives a descriptor of the runtime's a number of at least `from`.
fn move_away(caller: u64, fd: u32, from: i32) -> Result<u32> {
    const F_DUPFD: u64 = 0;
    let args = [fd.into(), F_DUPFD, u64::from(from.cast_unsigned()), 0, 0, 0];
    let away = lind::call_for(caller, number::FCNTL, args);
    let _ = lind::call_for(caller, number::CLOSE, [fd.into(), 0, 0, 0, 0, 0]);
    away
}

/// dup(2), F_DUPFD of a foreign descriptor: the lowest number from `from` on that is free.
///
/// # Errors
/// EBADF, EMFILE, and those of the runtime
pub(crate) fn duplicate(call: &Call<'_>, fd: i32, from: i32, cloexec: bool) -> Result<i32> {
    let cage = call.cage();
    cage.foreign(fd)?;
    let _numbering = process::lock(&call.process.numbering);
    let copy = reserve(cage, from, cloexec)?;
    move_to(call.caller(), fd.cast_unsigned(), copy, cloexec).inspect_err(|_| discard(cage, copy))?;
    Ok(copy)
}

/// dup2(2) and dup3(2), where one of the two descriptors is foreign.
///
/// # Errors
/// As the calls
pub(crate) fn replace(call: &Call<'_>, old: i32, new: i32, cloexec: bool) -> Result<i32> {
    let cage = call.cage();
    let _numbering = process::lock(&call.process.numbering);
    if is_foreign(cage, old) {
        cage.foreign(old)?;
        if new < 0 {
            return Err(Errno::EBADF);
        }
        // First in IMFS, where it can fail; what was there is gone then, as it would be anyhow.
        rename(cage, new, cloexec)?;
        move_to(call.caller(), old.cast_unsigned(), new, cloexec)?;
        return Ok(new);
    }
    let replaces_foreign = matches!(cage.foreign(new), Ok(Some(_)));
    let flags = if cloexec { imfs::abi::OFlags::CLOEXEC } else { imfs::abi::OFlags::empty() };
    let copy = if cloexec { cage.dup3(old, new, flags) } else { cage.dup2(old, new) }?;
    if replaces_foreign {
        let _ = lind::call_for(call.caller(), number::CLOSE, [new as u64, 0, 0, 0, 0, 0]);
    }
    Ok(copy)
}

/// close(2) of any descriptor.
///
/// # Errors
/// As close(2)
pub(crate) fn close(call: &Call<'_>, fd: i32) -> Result<()> {
    let cage = call.cage();
    if !is_foreign(cage, fd) {
        return cage.close(fd);
    }
    // Nobody gets the number before it is free in both tables.
    let _numbering = process::lock(&call.process.numbering);
    let _ = cage.close(fd);
    lind::result(call.forward()).map(drop)
}
