//! Memory shared between the test and the processes of a case: orders one way, outcomes the other.
//!
//! A futex word per process says whose turn it is; whoever's turn it is owns the rest of that process's box.

use crate::maps::Maps;
use crate::outcome::{Outcome, Stamp, Ticks};
use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How many processes a case may have.
pub(super) const PROCESSES: usize = 4;
const ROOM: usize = 1 << 20;
const MAX_TICKS: usize = 2048;

const IDLE: u32 = 0;
const ORDERED: u32 = 1;
const DONE: u32 = 2;

/// What a process is told to do.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    Run,
    Descriptors,
}

struct Mailbox {
    state: AtomicU32,
    pid: AtomicU32,
    order: UnsafeCell<Order>,
    range: UnsafeCell<(usize, usize)>,
    maps: UnsafeCell<Maps>,
    len: UnsafeCell<usize>,
    room: UnsafeCell<[u8; ROOM]>,
}

/// The shared memory.
pub(super) struct Shared {
    tick_count: AtomicU32,
    ticks: UnsafeCell<[Stamp; MAX_TICKS]>,
    boxes: [Mailbox; PROCESSES],
}

// SAFETY: the fields in cells belong to the side whose turn it is, as the futex word says; `ticks` are written by the one
// process that runs, before it gives the turn back.
unsafe impl Sync for Shared {}

impl Shared {
    /// New shared memory, all zero, which is a valid state.
    pub(super) fn map() -> &'static Shared {
        let len = size_of::<Shared>();
        // SAFETY: an anonymous mapping of the right size; zero is a valid value of every field.
        unsafe {
            let p = libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(p, libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
            &*p.cast::<Shared>()
        }
    }

    /// Gives the memory back; the owner makes no use of it afterwards.
    pub(super) fn unmap(&'static self) {
        // SAFETY: the range that `map` made; the caller is the last user.
        unsafe { libc::munmap(std::ptr::from_ref(self).cast_mut().cast(), size_of::<Shared>()) };
    }

    /// Back to the state before the first case, with the first tick at this moment.
    pub(super) fn reset(&self) {
        for b in &self.boxes {
            b.state.store(IDLE, Ordering::SeqCst);
            b.pid.store(0, Ordering::SeqCst);
            // SAFETY: there is no process yet.
            unsafe { *b.maps.get() = Maps::default() };
        }
        self.tick_count.store(0, Ordering::SeqCst);
        self.push_tick(clock(libc::CLOCK_REALTIME_COARSE));
    }

    fn push_tick(&self, s: Stamp) {
        let n = self.tick_count.load(Ordering::SeqCst) as usize;
        // SAFETY: only the side whose turn it is pushes.
        let ticks = unsafe { &mut *self.ticks.get() };
        ticks[n] = s;
        self.tick_count.store(n as u32 + 1, Ordering::SeqCst);
    }

    /// Waits until the clock that stamps files has passed this moment. Stamps are coarse, and since Linux 6.13 sometimes
    /// fine: those of the past are not after the present as the fine clock tells it, those of the future not before it
    /// once the coarse clock has passed it.
    pub(super) fn tick(&self) {
        let now = clock(libc::CLOCK_REALTIME);
        while clock(libc::CLOCK_REALTIME_COARSE) <= now {
            std::thread::sleep(Duration::from_micros(300));
        }
        self.push_tick(Stamp { nsec: now.nsec + 1, ..now });
    }

    /// The ticks so far.
    pub(super) fn ticks(&self) -> Ticks {
        let n = self.tick_count.load(Ordering::SeqCst) as usize;
        // SAFETY: entries below the count are written.
        Ticks(unsafe { &*self.ticks.get() }[..n].to_vec())
    }

    pub(super) fn pid(&self, proc: usize) -> i32 {
        self.boxes[proc].pid.load(Ordering::SeqCst) as i32
    }

    pub(super) fn set_pid(&self, proc: usize, pid: i32) {
        self.boxes[proc].pid.store(pid as u32, Ordering::SeqCst);
    }

    /// The mappings of a process, to whoever's turn it is.
    pub(super) fn maps(&self, proc: usize) -> Maps {
        // SAFETY: only the side whose turn it is asks.
        unsafe { *self.boxes[proc].maps.get() }
    }

    /// The process's side: it has other mappings now, or its child does, which has no turn yet.
    pub(super) fn set_maps(&self, proc: usize, maps: Maps) {
        // SAFETY: as in `maps`.
        unsafe { *self.boxes[proc].maps.get() = maps };
    }

    /// The test's side: tells a process what to do.
    pub(super) fn order(&self, proc: usize, order: Order, steps: Range<usize>) {
        let b = &self.boxes[proc];
        // SAFETY: the box is idle, so it is the test's.
        unsafe {
            *b.order.get() = order;
            *b.range.get() = (steps.start, steps.end);
            *b.len.get() = 0;
        }
        b.state.store(ORDERED, Ordering::SeqCst);
        wake(&b.state);
    }

    /// The test's side: whether a process has an order and has not been heard since.
    pub(super) fn pending(&self, proc: usize) -> bool {
        self.boxes[proc].state.load(Ordering::SeqCst) != IDLE
    }

    pub(super) fn is_done(&self, proc: usize) -> bool {
        self.boxes[proc].state.load(Ordering::SeqCst) == DONE
    }

    /// The test's side: waits for the end of the order.
    pub(super) fn wait_done(&self, proc: usize, timeout: Duration) -> bool {
        let b = &self.boxes[proc];
        if b.state.load(Ordering::SeqCst) == ORDERED {
            wait(&b.state, ORDERED, Some(timeout));
        }
        self.is_done(proc)
    }

    /// The test's side: takes the outcomes, which must be there.
    pub(super) fn take(&self, proc: usize) -> Vec<Outcome> {
        let b = &self.boxes[proc];
        // SAFETY: the order is done, so the box is the test's.
        let bytes = unsafe { &(&*b.room.get())[..*b.len.get()] };
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let ret = i64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
            let len = usize::from_ne_bytes(bytes[at + 8..at + 16].try_into().expect("eight bytes"));
            let note = String::from_utf8_lossy(&bytes[at + 16..at + 16 + len]).into_owned();
            out.push(Outcome { ret, note });
            at += 16 + len;
        }
        b.state.store(IDLE, Ordering::SeqCst);
        out
    }

    /// The process's side: waits for an order.
    pub(super) fn next_order(&self, proc: usize) -> (Order, Range<usize>) {
        let b = &self.boxes[proc];
        loop {
            let state = b.state.load(Ordering::SeqCst);
            if state == ORDERED {
                // SAFETY: ordered, so the box is the process's.
                let (order, range) = unsafe { (*b.order.get(), *b.range.get()) };
                return (order, range.0..range.1);
            }
            wait(&b.state, state, None);
        }
    }

    /// The process's side: adds an outcome.
    pub(super) fn push(&self, proc: usize, outcome: &Outcome) {
        let b = &self.boxes[proc];
        let note = outcome.note.as_bytes();
        // SAFETY: the process has an order, so the box is its own.
        unsafe {
            let (len, room) = (&mut *b.len.get(), &mut *b.room.get());
            for part in [&outcome.ret.to_ne_bytes()[..], &note.len().to_ne_bytes()[..], note] {
                room[*len..*len + part.len()].copy_from_slice(part);
                *len += part.len();
            }
        }
    }

    /// The process's side: the order is done.
    pub(super) fn done(&self, proc: usize) {
        let b = &self.boxes[proc];
        b.state.store(DONE, Ordering::SeqCst);
        wake(&b.state);
    }
}

fn clock(id: libc::clockid_t) -> Stamp {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the structure that it is given.
    unsafe { libc::clock_gettime(id, &mut t) };
    Stamp { sec: t.tv_sec, nsec: t.tv_nsec as u32 }
}

fn wait(word: &AtomicU32, value: u32, timeout: Option<Duration>) {
    let t =
        timeout.map(|d| libc::timespec { tv_sec: d.as_secs() as i64, tv_nsec: i64::from(d.subsec_nanos()) });
    let t = t.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word lives in shared memory that outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, value, t) };
}

fn wake(word: &AtomicU32) {
    // SAFETY: the word lives in shared memory that outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}
