//! A sequence lock: readers take no lock, and see either all of a change or none of it.
//!
//! What it protects are atomics beside it, read and written `Relaxed`; a reader whose count changed reads again.
//! Writers exclude each other by the same word, spinning: a write is a handful of stores, and nothing that can block,
//! fail or panic may stand in it (Linux's `seqlock_t`, with the spin lock in the count).

use super::primitives::atomic::{AtomicU32, Ordering, fence};
use super::primitives::{spin_loop, yield_now};

/// The count: odd while somebody writes.
#[derive(Debug, Default)]
pub struct SeqLock(AtomicU32);

/// A count that a reader started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started(u32);

impl SeqLock {
    /// A lock that nobody has.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Starts to read; waits while somebody writes.
    #[inline]
    pub fn start(&self) -> Started {
        let count = self.0.load(Ordering::Acquire);
        if count & 1 == 0 { Started(count) } else { self.start_slow() }
    }

    /// Whether nothing was written since `started`: if not, what was read is to be thrown away.
    #[inline]
    pub fn unchanged(&self, started: Started) -> bool {
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == started.0
    }

    /// Reads once. `None` if somebody wrote meanwhile.
    #[inline]
    pub fn try_read<R>(&self, read: impl FnOnce() -> R) -> Option<R> {
        let count = self.0.load(Ordering::Acquire);
        if count & 1 != 0 {
            return None;
        }
        let result = read();
        self.unchanged(Started(count)).then_some(result)
    }

    /// Reads until a whole pass of `read` saw no writer.
    #[inline]
    pub fn read<R>(&self, mut read: impl FnMut() -> R) -> R {
        loop {
            let started = self.start();
            let result = read();
            if self.unchanged(started) {
                return result;
            }
        }
    }

    /// Excludes other writers, and makes readers wait, while `write` stores.
    #[inline]
    pub fn write<R>(&self, write: impl FnOnce() -> R) -> R {
        let count = self.acquire();
        let result = write();
        self.0.store(count.wrapping_add(2), Ordering::Release);
        result
    }

    /// [`write`](Self::write), if nobody else writes just now.
    #[inline]
    pub fn try_write(&self, write: impl FnOnce()) {
        let count = self.0.load(Ordering::Relaxed);
        if count & 1 == 0
            && self.0.compare_exchange(count, count | 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
        {
            // As in `acquire`.
            fence(Ordering::Release);
            write();
            self.0.store(count.wrapping_add(2), Ordering::Release);
        }
    }

    /// Locks for writing until [`end`](Self::end) with the count that is returned: for changes that span several
    /// sequence locks.
    pub fn begin(&self) -> u32 {
        self.acquire()
    }

    /// Ends what [`begin`](Self::begin) began.
    pub fn end(&self, count: u32) {
        self.0.store(count.wrapping_add(2), Ordering::Release);
    }

    #[inline]
    fn acquire(&self) -> u32 {
        let count = self.0.load(Ordering::Relaxed);
        let free = count & !1;
        let count = match self.0.compare_exchange(free, free | 1, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => free,
            Err(_) => self.acquire_slow(),
        };
        // Keeps the stores of the change behind the odd count, for a reader that sees one of them.
        fence(Ordering::Release);
        count
    }

    #[cold]
    fn acquire_slow(&self) -> u32 {
        let mut turn = 0;
        loop {
            let free = self.0.load(Ordering::Relaxed) & !1;
            if self.0.compare_exchange_weak(free, free | 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return free;
            }
            pause(&mut turn);
        }
    }

    #[cold]
    fn start_slow(&self) -> Started {
        let mut turn = 0;
        loop {
            let count = self.0.load(Ordering::Acquire);
            if count & 1 == 0 {
                return Started(count);
            }
            pause(&mut turn);
        }
    }
}

/// Spins for a moment, then lets the one who is waited for, who was probably preempted, run.
pub(super) fn pause(turn: &mut u32) {
    *turn += 1;
    if turn.is_multiple_of(64) {
        yield_now();
    } else {
        spin_loop();
    }
}
